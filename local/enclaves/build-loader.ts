import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoaderMeasurements } from '../../functions/images/schemas.ts';

const root = join(import.meta.dirname, '../..');
const sources = join(root, 'enclave');
/** What is compiled stays here between runs: the installation for tests compiles Go's library, half a minute of one core. */
const cache = join(root, '.local/go');

export type EnclaveProgram = 'loader' | 'parent' | 'example';

/** Everything that makes two builds of the same sources equal, byte for byte. */
export const buildFlags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w -buildid='];

/** The path of a program for the enclave, compiled now if its sources changed. */
export function buildEnclaveProgram(program: EnclaveProgram, folder = join(cache, 'bin')): string {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.(go|mod)$/.test(file))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(sources, file)));
  const target = join(folder, `${program}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: cache,
    GOCACHE: join(cache, 'cache'),
    GOPATH: join(cache, 'path'),
    GOTOOLCHAIN: 'local',
    GOPROXY: 'off',
    CGO_ENABLED: '0',
    GOOS: 'linux',
  };
  execFileSync(join(root, '.venv/bin/go'), ['build', ...buildFlags, '-o', target, `./${program}`], {
    cwd: sources,
    env,
    stdio: 'pipe',
  });
  return target;
}

export const programDigest = (path: string): string => createHash('sha384').update(readFileSync(path)).digest('hex');

/**
 * The measurements of the loader in the embedded cloud: the first is the real hash of the real program. There is no kernel
 * to measure, so the other two stand for nothing. On AWS nitro-cli measures.
 */
export const measureLoader = (): LoaderMeasurements => ({
  pcr0: programDigest(buildEnclaveProgram('loader')),
  pcr1: 'b'.repeat(96),
  pcr2: 'c'.repeat(96),
});
