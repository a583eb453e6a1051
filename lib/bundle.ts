import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { createTempDir } from './temp-dir.ts';

const root = join(import.meta.dirname, '..');

export interface Bundle {
  /** Contains only `index.mjs`. */
  readonly folder: string;
  readonly bytes: number;
  readonly hash: string;
  /** The SDK commands that are left after tree shaking, such as `dynamodb:GetItem`. */
  readonly commands: readonly string[];
}

/** The files of all Lambda functions, as paths below functions/. */
const lambdaFiles = (): string[] =>
  readdirSync(join(root, 'functions'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.lambda.ts'))
    .sort();

/** Bundles all functions in one call, because each call starts a process. */
function bundleAll(folder: string): ReadonlyMap<string, Bundle> {
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: lambdaFiles().map(file => ({
      in: `functions/${file}`,
      out: `${file.replace(/\.lambda\.ts$/, '').replaceAll('/', '-')}/index`,
    })),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Only the ESM builds of the modules can be tree-shaken.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': join(root, 'functions/storage/credentials.ts') },
    banner: {
      js: "import{createRequire as brochRequire}from'node:module';const require=brochRequire(import.meta.url);",
    },
    metafile: true,
    logLevel: 'error',
  });
  return new Map(
    Object.entries(metafile.outputs).map(([path, { entryPoint = '', inputs }]) => {
      const commands = Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => {
        const command = /@aws-sdk\/client-([^/]+)\/.*\/commands\/(\w+)Command\.js$/.exec(input);
        return command && bytesInOutput > 0 ? [`${command[1]}:${command[2]}`] : [];
      });
      const code = readFileSync(join(root, path));
      const result = {
        folder: dirname(join(root, path)),
        bytes: code.length,
        hash: createHash('sha256').update(code).digest('hex'),
        commands: [...new Set(commands)].sort(),
      };
      return [entryPoint.slice('functions/'.length), result] as const;
    }),
  );
}

/** Whether the process that holds a lock still runs. A lock is empty in the moment before its process has said its number. */
function isHeld(lock: string): boolean {
  try {
    return process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch {
    return false;
  }
}

/**
 * Reads the bundles of another process of the same test run, or writes them for the next. However slow the machine is, a
 * process waits while another bundles, because each bundling takes gigabytes. The list is written last.
 */
function shareBundles(folder: string): ReadonlyMap<string, Bundle> {
  const list = join(folder, 'bundles.json');
  const lock = `${list}.lock`;
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(list) && isHeld(lock)) Atomics.wait(clock, 0, 0, 100);
  }
  if (existsSync(list)) return new Map(JSON.parse(readFileSync(list, 'utf8')));
  try {
    const draftFolder = mkdtempSync(join(folder, 'bundle-'));
    const result = bundleAll(draftFolder);
    const draft = join(draftFolder, 'bundles.json');
    writeFileSync(draft, JSON.stringify([...result]));
    renameSync(draft, list);
    return result;
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
}

/** A test run names a folder that is deleted when it ends. Without a folder, every process makes its own bundles. */
const { BROCH_TEST_BUNDLES: sharedFolder } = process.env;

let bundles: ReadonlyMap<string, Bundle> | undefined;

/**
 * The bundle of a Lambda function's file (a path below functions/): one minified ES module. The SDK is bundled too, which
 * pins its version.
 */
export function bundle(entry: string): Bundle {
  bundles ??= sharedFolder ? shareBundles(sharedFolder) : bundleAll(createTempDir('bundle'));
  const result = bundles.get(entry);
  if (!result)
    throw new Error(`functions/${entry} is not the file of a Lambda function: its name must end in .lambda.ts`);
  return result;
}
