import { defineConfig } from 'vitest/config';

const common = {
  pool: 'forks',
  testTimeout: 120_000,
  hookTimeout: 300_000,
  env: { POWERTOOLS_LOG_LEVEL: 'SILENT' },
} as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      // Pure, and without state of their own: one process after the other saves loading the CDK for each file.
      {
        test: {
          ...common,
          name: 'core',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.cloud.test.ts'],
        },
      },
      // Everything that runs on the embedded cloud: one emulator, deployed to once, shared by all files.
      { test: { ...common, name: 'cloud', include: ['test/**/*.cloud.test.ts'], globalSetup: ['test/setup.ts'] } },
    ],
  },
});
