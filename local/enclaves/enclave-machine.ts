import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildEnclaveProgram } from './build-loader.ts';
import { type EnclaveIdentity, serveSecurityModule } from './security-module.ts';

export interface EnclaveStart {
  /** An empty folder, with a short path because Unix sockets lie in it. */
  readonly folder: string;
  readonly manifest: string;
  readonly session: {
    readonly credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
    /** The keys that the parties bound to the run, by the SHA-256 of the packed object. */
    readonly keys: Readonly<Record<string, string>>;
  };
  /** Packed objects by their SHA-256. */
  readonly objects: Readonly<Record<string, Uint8Array>>;
  readonly identity: EnclaveIdentity;
  readonly kmsPort: number;
  /** The certificates that the loader's image trusts: a PEM file. */
  readonly trustFile: string;
  readonly signal?: AbortSignal;
}

export interface EnclaveAnswer {
  readonly attestation?: Uint8Array;
  readonly outputs?: Uint8Array;
  readonly result?: string;
  readonly failure?: string;
}

const untilExit = (child: ChildProcess) => new Promise<void>(resolve => child.once('exit', () => resolve()));

async function untilExists(path: string): Promise<void> {
  for (let tries = 0; !existsSync(path); tries++) {
    if (tries > 500) throw new Error(`${path} did not appear`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/**
 * Runs a command with a file system of its own: that of this machine, with an empty `/data`, as in an enclave. The first
 * argument is an empty folder. Nothing of it is seen outside or stays.
 */
const ownFileSystem = `
cd "$1"
shift
mount -t tmpfs -o mode=755 broch . && cd "$PWD"
for place in /*; do
  if [ -L "$place" ]; then cp -P "$place" .
  elif [ -d "$place" ] && [ "$place" != /data ]; then mkdir ".$place" && mount --rbind "$place" ".$place"
  fi
done
exec chroot . "$@"`;
const inOwnFileSystem = (folder: string, command: readonly string[]): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', ownFileSystem, 'sh', folder],
  ...command,
];

/** Whether programs here may have a file system of their own. A container or a user who is not root may not have one. */
export function mayMount(emptyFolder: string): boolean {
  const [program = '', ...words] = inOwnFileSystem(emptyFolder, ['true']);
  return process.getuid?.() === 0 && spawnSync(program, words).status === 0;
}

/** The words that start the loader. Without the right to mount, its inputs are in the folder, and BROCH_DATA says where. */
function loaderCommand(folder: string): string[] {
  const [root, loader, data] = [join(folder, 'root'), join(folder, 'loader'), join(folder, 'data')];
  mkdirSync(root);
  return mayMount(root) ? inOwnFileSystem(root, [loader]) : [loader, '-data', data];
}

/** What the loader has made read-only can be deleted again. */
const unlock = (folder: string) => spawnSync('chmod', ['-R', 'u+w', folder]);

/**
 * Runs the loader and the parent as they are, as two processes. Only what they speak through is different from AWS: Unix
 * sockets in place of vsock, and a security module of our own. Returns what the enclave left with its parent.
 */
export async function runEnclave(start: EnclaveStart): Promise<EnclaveAnswer> {
  const { folder, manifest, session, objects, identity, kmsPort, trustFile, signal } = start;
  const place = (name: string) => join(folder, name);
  const parentFolder = place('parent');
  mkdirSync(join(parentFolder, 'objects'), { recursive: true });
  // As root the loader gives the artefact another user, who must reach the memory and the loader, but not list them.
  chmodSync(folder, 0o711);
  copyFileSync(buildEnclaveProgram('loader'), place('loader'));
  writeFileSync(join(parentFolder, 'manifest'), manifest);
  writeFileSync(join(parentFolder, 'session'), JSON.stringify(session));
  for (const [sha256, bytes] of Object.entries(objects)) writeFileSync(join(parentFolder, 'objects', sha256), bytes);
  const module = await serveSecurityModule(place('nsm'), identity);
  const address = (name: string) => `unix:${place(name)}`;
  const parent = spawn(
    buildEnclaveProgram('parent'),
    [
      '-folder',
      parentFolder,
      '-listen',
      address('control'),
      '-proxy',
      address('kms'),
      '-target',
      `127.0.0.1:${kmsPort}`,
    ],
    { stdio: 'ignore' },
  );
  try {
    await untilExists(place('control'));
    const [program = '', ...words] = loaderCommand(folder);
    const loader = spawn(
      program,
      [
        ...words,
        '-nsm',
        address('nsm'),
        '-parent',
        address('control'),
        '-kms',
        address('kms'),
        '-folder',
        place('memory'),
      ],
      { stdio: 'ignore', env: { SSL_CERT_FILE: trustFile, PATH: process.env.PATH }, ...(signal && { signal }) },
    );
    loader.on('error', () => {});
    await untilExit(loader);
  } finally {
    parent.kill();
    module.close();
    unlock(folder);
  }
  const read = (name: string) => {
    const path = join(parentFolder, name);
    return existsSync(path) ? readFileSync(path) : undefined;
  };
  const [attestation, outputs, result, failure] = ['attestation', 'outputs', 'result', 'failure'].map(read);
  return {
    ...(attestation && { attestation }),
    ...(outputs && { outputs }),
    ...(result && { result: result.toString() }),
    ...(failure && { failure: failure.toString() }),
  };
}
