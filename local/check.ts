import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './cloud.ts';

/**
 * `npm run check`: types, style, unused code. `npm test`: the same and every test. The last line counts what passed and
 * failed.
 *
 * After `--tests` comes `core` or `cloud` for one of the two kinds of tests, then words of capabilities (`ingest`),
 * files or options of vitest. Nothing after it means all tests. `trials` runs the tests of which all others make a sample
 * of their trials, and makes every trial.
 */
const node = join(repositoryRoot, 'node_modules/node/bin/node');
const bin = (name: string) => join(repositoryRoot, 'node_modules/.bin', name);
const results = join(repositoryRoot, '.local/test-results.json');

function passes(title: string, command: string, args: string[]): boolean {
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: repositoryRoot, stdio: ['ignore', 'inherit', 'inherit'] });
  process.stdout.write(`${status === 0 ? '✓' : '✗'} ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  return status === 0;
}

const checks = [
  passes('types', bin('tsc'), []),
  passes('style', bin('biome'), ['ci', '--error-on-warnings', '--reporter=summary', '.']),
  passes('nothing unused', node, [join(repositoryRoot, 'node_modules/knip/bin/knip.js'), '--no-progress']),
];
let [successes, failed] = [checks.filter(Boolean).length, checks.filter(ok => !ok).length];

/** Quick tests that need nothing running, and the rest: those that start an embedded cloud, and long explorations. */
const kinds: Readonly<Record<string, readonly string[]>> = { core: ['core'], cloud: ['cloud', 'story', 'exploration'] };

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

if (process.argv.includes('--tests')) {
  mkdirSync(join(repositoryRoot, '.local'), { recursive: true });
  rmSync(results, { force: true });
  const ran = passes('tests', node, [
    join(repositoryRoot, 'node_modules/vitest/vitest.mjs'),
    ...vitestArguments(process.argv.slice(process.argv.indexOf('--tests') + 1)),
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${results}`,
  ]);
  const counts = existsSync(results)
    ? JSON.parse(readFileSync(results, 'utf8'))
    : { numPassedTests: 0, numFailedTests: 0 };
  successes += counts.numPassedTests;
  failed += counts.numFailedTests;
  // A file that can't be loaded, or an error outside any test, fails the run without failing a test.
  if (!ran && counts.numFailedTests === 0) failed += 1;
}
process.stdout.write(`${successes} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
