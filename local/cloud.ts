import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from './free-port.ts';

export const repositoryRoot = join(import.meta.dirname, '..');
const python = join(repositoryRoot, '.venv/bin/python');
const modules = join(repositoryRoot, 'node_modules');

/** A running embedded cloud: MiniStack for AWS, moto for Cost Explorer, both on loopback. */
export interface EmbeddedCloud {
  /** Every AWS API, over TLS. */
  readonly endpoint: string;
  /** The same without TLS, for health and control; clients never use it. */
  readonly plain: string;
  /** moto's server, which answers as Cost Explorer. */
  readonly moto: string;
  readonly region: string;
  /** The port of the SFTP endpoint, once a stack has one. */
  readonly sftp: number;
  /** The certificate's file, to be trusted, and its key's. */
  readonly ca: string;
  readonly certificateKey: string;
  readonly log: string;
  /** What a child process needs to be a client: endpoint, certificate and region. The caller adds credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** Resolves when one of the emulators ends without being stopped. */
  readonly crashed: Promise<string>;
  stop(): Promise<void>;
}

export interface EmbeddedCloudOptions {
  /** The folder of certificates and logs; created if it does not exist. */
  readonly folder: string;
  readonly region: string;
  /** Waits of state machines are multiplied by this; 0 skips them. */
  readonly waits?: number;
  /** How many Lambdas may run at once: each is a Node process of about 145 MB. */
  readonly concurrency?: number;
  /** For tests: calls can be made to fail, by `POST /_faults`. */
  readonly faults?: boolean;
  /** For benches: every call is recorded, as CloudTrail would. */
  readonly trail?: boolean;
}

/** The child ends when this process ends: the guard sees its standard input close. */
function keep(
  name: string,
  command: string[],
  env: Record<string, string | undefined>,
  log: string,
  exits: (line: string) => void,
): ChildProcess {
  const output = openSync(log, 'a');
  const child = spawn(python, [join(repositoryRoot, 'local/python/child_guard.py'), ...command], {
    env,
    cwd: repositoryRoot,
    stdio: ['pipe', output, output],
  });
  closeSync(output);
  child.on('exit', code => exits(`${name} ended by itself (exit ${code}); its last words are in ${log}`));
  return child;
}

const get = (url: string, method = 'GET', body?: string) =>
  new Promise<number>(resolve => {
    const call = request(url, { method, headers: body ? { 'content-type': 'application/json' } : {} }, answer => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    call.on('error', () => resolve(0));
    call.end(body);
  });

/**
 * Starts both emulators and waits until they answer. TLS is on and IAM is enforced. With EMBEDDED_MODELS=1 in the
 * environment, they refuse calls that AWS's own models refuse.
 */
export async function startCloud({
  folder,
  region,
  waits = 1,
  concurrency = 24,
  faults = false,
  trail = false,
}: EmbeddedCloudOptions): Promise<EmbeddedCloud> {
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const [ca, certificateKey, log] = [file('certificate.pem'), file('key.pem'), file('cloud.log')];
  writeFileSync(log, '');
  // The emulator unpacks Lambdas here and does not delete them.
  const temporary = file('tmp');
  const sweep = () => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  sweep();
  mkdirSync(temporary);
  // The emulator's own script there is CommonJS, whatever a package.json further up says.
  writeFileSync(join(temporary, 'package.json'), '{}\n');
  execFileSync(python, [join(repositoryRoot, 'local/python/certificate.py'), ca, certificateKey]);
  const [tls, plainPort, motoPort, sftp] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const [endpoint, plain, moto] = [
    `https://127.0.0.1:${tls}`,
    `http://127.0.0.1:${plainPort}`,
    `http://127.0.0.1:${motoPort}`,
  ];
  // An address, not a name: with a name S3 clients put the bucket before it, which does not resolve.
  const environment = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_COST_EXPLORER: moto,
    // This client puts the account before the name, which the certificate allows below this one.
    AWS_ENDPOINT_URL_S3_CONTROL: `https://s3-control.localhost:${tls}`,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    NODE_EXTRA_CA_CERTS: ca,
    AWS_CA_BUNDLE: ca,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const { AWS_PROFILE: _, AWS_SESSION_TOKEN: __, NODE_OPTIONS: ___, ...inherited } = process.env;
  let report: (line: string) => void = () => {};
  const crash = new Promise<string>(resolve => {
    report = resolve;
  });
  let stopping = false;
  const exits = (line: string) => stopping || report(line);
  const children = [
    keep(
      'MiniStack',
      [python, join(repositoryRoot, 'local/python/serve.py'), String(tls), String(plainPort), ca, certificateKey],
      {
        ...inherited,
        ...environment,
        AUTH: 'true',
        GATEWAY_PORT: String(plainPort),
        IOT_MTLS_ENABLED: 'false',
        SFTP_PORT: String(sftp),
        LAMBDA_EXECUTOR: 'local',
        LAMBDA_ACCOUNT_CONCURRENCY: String(concurrency),
        CLOUDTRAIL_RECORDING: trail ? '1' : '0',
        EMBEDDED_FAULTS: faults ? '1' : '0',
        MINISTACK_REGION: region,
        NODE_PATH: modules,
        NODE_OPTIONS: `--import=${join(repositoryRoot, 'local/loopback-names.mjs')}`,
        NODE_COMPILE_CACHE: join(temporary, 'compiled'),
        PYTHONPATH: join(repositoryRoot, 'local/python'),
        PYTHONDONTWRITEBYTECODE: '1',
        PATH: [join(modules, 'node/bin'), join(modules, '.bin'), process.env.PATH].join(delimiter),
        LOG_LEVEL: 'WARNING',
        PYTHONUNBUFFERED: '1',
        TMPDIR: temporary,
      },
      log,
      exits,
    ),
    keep(
      'moto',
      [python, join(repositoryRoot, 'local/python/cost_explorer.py'), '-H', '127.0.0.1', '-p', String(motoPort)],
      { ...inherited, PYTHONUNBUFFERED: '1' },
      log,
      exits,
    ),
  ];
  const stop = async () => {
    stopping = true;
    await Promise.all(
      children.map(child => {
        if (child.exitCode !== null || child.signalCode !== null) return undefined;
        const exit = new Promise(resolve => child.once('exit', resolve));
        child.stdin?.end();
        return exit;
      }),
    );
    sweep();
  };
  const healthy = async () => {
    for (let tries = 0; tries < 300; tries++) {
      if ((await get(`${plain}/_ministack/health`)) === 200 && (await get(`${moto}/moto-api/`)) > 0) return;
      await sleep(100);
    }
    throw new Error(`the embedded cloud did not answer within 30 seconds; its last words are in ${log}`);
  };
  try {
    await Promise.race([healthy(), crash.then(line => Promise.reject(new Error(line)))]);
    await get(`${plain}/_ministack/config`, 'POST', JSON.stringify({ 'stepfunctions._SFN_WAIT_SCALE': waits }));
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, plain, moto, region, sftp, ca, certificateKey, log, environment, crashed: crash, stop };
}

/** The last lines of a log, for a message. */
export const readLogTail = (log: string, lines = 12): string =>
  readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
