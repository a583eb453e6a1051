import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './cloud.ts';

/** Makes a key pair of SSH: the file of the private key, and the line of the public one. */
export function makeSshKey(file: string): { file: string; line: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(file, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const fields = [Buffer.from('ecdsa-sha2-nistp256'), Buffer.from('nistp256'), point].flatMap(field => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, field];
  });
  return { file, line: `ecdsa-sha2-nistp256 ${Buffer.concat(fields).toString('base64')}` };
}

/** Whether OpenSSH's client is there. */
const hasOpenSsh = (): boolean => {
  try {
    execFileSync('ssh', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
let isOpenSshThere: boolean | undefined;

/** The name of the client that is used: OpenSSH's if it is there. */
export function sftpClientName(): string {
  isOpenSshThere ??= hasOpenSsh();
  return isOpenSshThere ? 'OpenSSH sftp' : 'asyncssh';
}

export interface SftpAccount {
  readonly port: number;
  readonly user: string;
  /** The file of the private key. */
  readonly key: string;
}

/** Nothing of the machine's own configuration, keys and known hosts is used. */
export const openSshOptions = ({ key }: SftpAccount): string[] => [
  ...['-F', '/dev/null', '-i', key],
  ...[
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
  ].flatMap(option => ['-o', option]),
];

/** Runs a program, gives it a text to read, and waits for its end. */
export function runWithInput(
  [program = '', ...args]: string[],
  input: string,
  folder: string = repositoryRoot,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', chunk => {
        output += chunk;
      });
    child.on('error', reject);
    child.on('close', code => resolve({ code: code ?? 1, output }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Runs commands of SFTP, such as `put a.csv admissions/a.csv`, in one session. It ends with the first that fails. */
export function runSftp(
  account: SftpAccount,
  commands: readonly string[],
  folder?: string,
): Promise<{ code: number; output: string }> {
  const python = [join(repositoryRoot, '.venv/bin/python'), join(repositoryRoot, 'local/python/sftp_client.py')];
  const { port, user, key } = account;
  const command =
    sftpClientName() === 'asyncssh'
      ? [...python, '127.0.0.1', String(port), user, key]
      : ['sftp', '-q', ...openSshOptions(account), '-P', String(port), '-b', '-', `${user}@127.0.0.1`];
  return runWithInput(command, commands.map(line => `${line}\n`).join(''), folder);
}
