import { defineConfig } from 'vitest/config';
import { createTempDir } from './lib/temp-dir.ts';

// No source changes during a run, so its functions are bundled once: all processes that it starts find the bundles here.
process.env.BROCH_TEST_BUNDLES ??= createTempDir('test-bundles');

const common = {
  pool: 'forks',
  testTimeout: 120_000,
  hookTimeout: 300_000,
  env: { POWERTOOLS_LOG_LEVEL: 'SILENT' },
} as const;

/** These start an embedded cloud of their own, as a user's command does. */
const stories = ['test/local/story.test.ts', 'test/bench/bench.test.ts'];

export default defineConfig({
  test: {
    // More than there are cores: whoever waits for a workflow leaves its core to the others.
    maxWorkers: 4,
    projects: [
      // Everything that runs on the embedded cloud: one emulator, deployed to once, shared by all files.
      { test: { ...common, name: 'cloud', include: ['test/**/*.cloud.test.ts'], globalSetup: ['test/setup.ts'] } },
      { test: { ...common, name: 'story', include: stories } },
      // Pure, and without state of their own: one process after the other saves loading the CDK for each file.
      {
        test: {
          ...common,
          name: 'core',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.cloud.test.ts', ...stories],
        },
      },
    ],
  },
});
