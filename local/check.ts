import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTempDir } from '../lib/temp-dir.ts';
import { repositoryRoot } from './cloud.ts';

/**
 * `npm run check`: types, style, unused code. `npm test`: the same and every test. The last line counts what passed and
 * failed.
 *
 * After `--tests` comes `core` or `cloud` for one of the two kinds of tests, then words of capabilities (`ingest`),
 * files or options of vitest. Nothing after it means all tests: the quick ones run beside those on the embedded cloud,
 * which often wait. `trials` runs the tests of which all others make a sample of their trials, and makes every trial.
 */
const node = join(repositoryRoot, 'node_modules/node/bin/node');
const bin = (name: string) => join(repositoryRoot, 'node_modules/.bin', name);
const results = join(repositoryRoot, '.local/test-results');

let [successes, failures] = [0, 0];

const children = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const child of children) child.kill(signal);
    process.exit(130);
  });

/** Starts a command. Its output is kept until `report` is called, and streamed from then on until the command ends. */
function startCheck(title: string, command: string, args: readonly string[]): { report(): Promise<boolean> } {
  const started = Date.now();
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...color },
  });
  children.add(child);
  let write = (chunk: Buffer): unknown => chunks.push(chunk);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => write(chunk));
  const end = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => {
      children.delete(child);
      resolve(`${code === 0 ? '✓' : '✗'} ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
    });
  });
  return {
    async report() {
      process.stdout.write(Buffer.concat(chunks));
      write = chunk => process.stdout.write(chunk);
      const line = await end;
      process.stdout.write(line);
      return line.startsWith('✓');
    },
  };
}

/** Quick tests that need nothing running, and the rest: those that start an embedded cloud, and long explorations. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  core: ['core', 'templates'],
  cloud: ['cloud', 'story', 'exploration'],
};

/** The options of vitest. Without other words, trials are the tests that import from `test/trials.ts`, however far away. */
function vitestArguments(words: readonly string[]): string[] {
  if (words[0] === 'trials') {
    process.env.BROCH_TRIALS = 'all';
    return words.length === 1 ? ['related', 'test/trials.ts', '--run'] : vitestArguments(words.slice(1));
  }
  const kind = Object.hasOwn(kinds, words[0] ?? '') ? words[0] : undefined;
  const rest = kind === undefined ? words : words.slice(1);
  return [
    'run',
    ...(kinds[kind ?? ''] ?? []).flatMap(project => ['--project', project]),
    ...rest.map(word => (existsSync(join(repositoryRoot, 'test', word)) ? `test/${word}/` : word)),
  ];
}

/** Starts a run of vitest; the result reports it and counts its tests. */
function startTests(title: string, args: readonly string[]): () => Promise<void> {
  const file = `${results}-${title.replaceAll(' ', '-')}.json`;
  rmSync(file, { force: true });
  const vitest = [join(repositoryRoot, 'node_modules/vitest/vitest.mjs'), ...args];
  const run = startCheck(title, node, [...vitest, '--reporter=default', '--reporter=json', `--outputFile=${file}`]);
  return async () => {
    const isSuccess = await run.report();
    const counts = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 };
    successes += counts.numPassedTests;
    // A file that can't be loaded, or an error outside any test, fails the run without failing a test.
    failures += isSuccess ? 0 : Math.max(counts.numFailedTests, 1);
  };
}

async function runChecks(): Promise<void> {
  const checks: [title: string, command: string, args: string[]][] = [
    // A second checker repeats the work on every type that both need, so on two cores it takes twice the time.
    ['types', bin('tsc'), ['--checkers', '1']],
    ['style', bin('biome'), ['ci', '--error-on-warnings', '--reporter=summary', '.']],
    ['nothing unused', node, [join(repositoryRoot, 'node_modules/knip/bin/knip.js'), '--no-progress']],
  ];
  for (const check of checks) {
    if (await startCheck(...check).report()) successes += 1;
    else failures += 1;
  }
}

mkdirSync(join(repositoryRoot, '.local'), { recursive: true });
const words = process.argv.includes('--tests') ? process.argv.slice(process.argv.indexOf('--tests') + 1) : undefined;
if (words) {
  // Test processes that are killed leave their folders behind. All are made in this one, which is deleted at the end.
  const temporary = createTempDir('check');
  // The code of an enclave runs as another user, who must be able to reach its own folder in it.
  chmodSync(temporary, 0o711);
  process.env.TMPDIR = temporary;
  // The functions are bundled once for both runs of tests.
  process.env.BROCH_TEST_BUNDLES ??= createTempDir('test-bundles');
}
if (words?.length === 0) {
  const reportCloud = startTests('cloud tests', ['run', '--project', 'cloud', '--project', 'story']);
  await runChecks();
  // One process: both runs end at about the same time on two cores, and take less from each other than with two.
  const quick = ['run', '--project', 'core', '--project', 'templates', '--project', 'exploration', '--maxWorkers=1'];
  await startTests('quick tests', quick)();
  await reportCloud();
} else {
  await runChecks();
  if (words) await startTests('tests', vitestArguments(words))();
}
process.stdout.write(`${successes} passed, ${failures} failed\n`);
process.exit(failures > 0 ? 1 : 0);
