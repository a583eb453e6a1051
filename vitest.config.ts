import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { createTempDir } from './lib/temp-dir.ts';

// No source changes during a run, so its functions are bundled once: all processes that it starts find the bundles here.
process.env.BROCH_TEST_BUNDLES ??= createTempDir('test-bundles');

/**
 * The files that take longest. They start first, so that no core waits for the last of them alone, and those that mostly
 * wait run beside those that compute.
 */
const longest = [
  'local/story',
  'airlock/faults.cloud',
  'images/faults.cloud',
  'docs/readme.cloud',
  'security/undelivered.cloud',
  'api/schemathesis.cloud',
  'airlock/branches.cloud',
  'airlock/idempotency.cloud',
  'security/stolen.cloud',
  'security/member-answers.cloud',
  'cli/deliver.cloud',
  'airlock/replays.cloud',
  'templates/production',
  'airlock/release/download.test',
  'disclosure/hostile.test',
];
const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = longest.findIndex(name => moduleId.includes(name));
  return rank < 0 ? longest.length : rank;
};

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((first, second) => rankOf(first) - rankOf(second));
  }
}

const common = {
  pool: 'forks',
  // The limits only end tests that hang. A slow machine may take four times as long as a fast one.
  testTimeout: 900_000,
  hookTimeout: 900_000,
  // The CDK's own check of templates takes half of the time of a synthesis: production.test.ts makes it once.
  env: { POWERTOOLS_LOG_LEVEL: 'SILENT', EMBEDDED_MODELS: '1', CDK_VALIDATION: 'false' },
} as const;

/** These start an embedded cloud of their own, as a user's command does. */
const stories = ['test/local/story.test.ts', 'test/bench/bench.test.ts'];

/** Explorations of every state and of hostile files, a browser, a synthesis: each takes longer than `test:core` should. */
const explorations = [
  'test/airlock/model.test.ts',
  'test/airlock/link-model.test.ts',
  'test/airlock/release/download.test.ts',
  'test/disclosure/hostile.test.ts',
  'test/disclosure/properties.test.ts',
  'test/airlock/preview-browser.test.ts',
  'test/disclosure/preview/browser.test.ts',
  'test/templates/production.test.ts',
];

/** The app takes seconds to synthesise. The tests of its templates share one process, which synthesises each app once. */
const templateTests = readdirSync(join(import.meta.dirname, 'test'), { recursive: true, encoding: 'utf8' })
  .map(file => `test/${file.replaceAll('\\', '/')}`)
  .filter(file => file.endsWith('.test.ts') && !file.endsWith('.cloud.test.ts') && !explorations.includes(file))
  .filter(file =>
    /from '\.[^']*\/(template|failures|policies)\.ts'/.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
  );

export default defineConfig({
  test: {
    // More than there are cores: whoever waits for a workflow leaves its core to the others. With six on two cores, the
    // same tests take a quarter more processor time.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Everything that runs on the embedded cloud: one emulator, deployed to once, shared by all files.
      {
        test: {
          ...common,
          name: 'cloud',
          isolate: false,
          // A run makes eighty thousand calls on a machine that may be busy. The report names a test that was made twice
          // (`retry x1`).
          retry: 1,
          include: ['test/**/*.cloud.test.ts'],
          globalSetup: ['test/setup.ts'],
        },
      },
      { test: { ...common, name: 'story', include: stories } },
      { test: { ...common, name: 'exploration', isolate: false, include: explorations } },
      // Pure, and without state of their own: one process after the other saves loading the CDK for each file.
      {
        test: {
          ...common,
          name: 'core',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.cloud.test.ts', ...stories, ...explorations, ...templateTests],
        },
      },
      {
        test: {
          ...common,
          name: 'templates',
          isolate: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          include: templateTests,
        },
      },
    ],
  },
});
