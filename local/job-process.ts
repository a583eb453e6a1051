import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, globSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { JOB_PROGRAM } from '../functions/batch/definition.ts';
import { repositoryRoot } from './cloud.ts';
import type { CloudFacts } from './deployed-cloud.ts';
import type { ClientCredentials } from './roles.ts';

/** How an attempt of a job ended. */
export interface ProcessEnd {
  readonly exitCode: number | undefined;
  readonly end: 'exit' | 'timeout' | 'reclaim' | 'stop';
}

export interface ProcessOptions {
  readonly facts: CloudFacts;
  readonly credentials: ClientCredentials;
  /** The folder in which job.sh makes its own. */
  readonly work: string;
  readonly command: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** AWS takes the machine back when the program prints this. */
  readonly reclaimLine?: string | undefined;
  /** A line of job.sh or of its program. */
  readonly onLine: (line: string) => void;
  /** Whether somebody has ended the job. */
  readonly isStopped: () => Promise<boolean>;
}

/** What images have and this machine may lack: the AWS CLI, as far as job.sh uses it, and a stand-in for Nextflow. */
const programs = { aws: 'aws_sync.py', nextflow: 'played_nextflow.py' };

function makeProgramFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const python = join(repositoryRoot, '.venv/bin/python');
  for (const [name, script] of Object.entries(programs)) {
    const text = `#!/bin/sh\nexec '${python}' -B '${join(repositoryRoot, 'local/python', script)}' "$@"\n`;
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

function endProcess(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    // A request to end goes to job.sh, which passes it to its program. A kill ends both.
    if (signal === 'SIGKILL' && child.pid !== undefined) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has ended already.
  }
}

/** Reads what was added to the log of the program since the last call, as lines. It stays readable when job.sh deletes it. */
function logReader(work: string, onLine: (line: string) => void) {
  let [file, rest]: [number | undefined, string] = [undefined, ''];
  const block = Buffer.alloc(65_536);
  return {
    read() {
      const [path] = file === undefined ? globSync(join(work, '*/log/*.log')) : [];
      if (path !== undefined) file = openSync(path, 'r');
      if (file === undefined) return;
      for (let size = readSync(file, block); size > 0; size = readSync(file, block)) {
        const lines = (rest + block.toString('utf8', 0, size)).split('\n');
        rest = lines.pop() ?? '';
        lines.forEach(onLine);
      }
    },
    close: () => file !== undefined && closeSync(file),
  };
}

/** Runs the real job.sh with the rights of the project's role, as a container on a machine would. */
export function runJobProcess(options: ProcessOptions): Promise<ProcessEnd> {
  const { facts, credentials, work, command, variables, seconds, reclaimLine, onLine, isStopped } = options;
  const programFolder = makeProgramFolder(join(work, 'bin'));
  // In a container it is `/data`.
  const dataFolder = join(work, 'data');
  mkdirSync(dataFolder, { recursive: true });
  // A task of a pipeline brings its own words. Every other job runs job.sh, which runs the words.
  const [program = '', ...words] =
    command[0] === JOB_PROGRAM ? ['/bin/sh', join(repositoryRoot, 'lib/project/job.sh'), ...command.slice(1)] : command;
  const child = spawn(program, words, {
    cwd: work,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${programFolder}:${join(repositoryRoot, '.venv/bin')}:${process.env.PATH}`,
      ...variables,
      BROCH_WORK: work,
      BROCH_DATA: dataFolder,
      BROCH_CHECKPOINT_SECONDS: '1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
      AWS_REGION: facts.region,
      AWS_DEFAULT_REGION: facts.region,
      AWS_ENDPOINT_URL: facts.endpoint,
      AWS_CA_BUNDLE: facts.ca,
    },
  });
  let end: ProcessEnd['end'] = 'exit';
  const stop = (reason: ProcessEnd['end'], graceMs: number) => {
    if (end !== 'exit') return;
    end = reason;
    endProcess(child, 'SIGTERM');
    setTimeout(() => endProcess(child, 'SIGKILL'), graceMs).unref();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  const log = logReader(work, line => {
    onLine(line);
    // Two minutes of notice, as AWS gives before it takes a Spot machine back.
    if (reclaimLine !== undefined && line.includes(reclaimLine)) stop('reclaim', 120_000);
  });
  const reading = setInterval(() => log.read(), 100);
  const limit = setTimeout(() => stop('timeout', 30_000), seconds * 1000);
  const watch = setInterval(async () => {
    if (await isStopped().catch(() => false)) stop('stop', 30_000);
  }, 1000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // A container ends with its first process, whatever that has started.
    child.on('exit', () => endProcess(child, 'SIGKILL'));
    child.on('close', code => {
      clearTimeout(limit);
      clearInterval(watch);
      clearInterval(reading);
      log.read();
      log.close();
      resolve({ exitCode: code ?? undefined, end });
    });
  });
}
