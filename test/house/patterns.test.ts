import { describe, expect, it } from 'vitest';
import { packageImports, readSource, typeScriptFiles } from './sources.ts';

const functions = typeScriptFiles.filter(file => file.startsWith('functions/'));

/** What is done in one way has one place; everything else calls it. */
describe('each task is done in one place only', () => {
  it.each([
    ['starting executions and completing tasks', '@aws-sdk/client-sfn', 'functions/executions.ts'],
    ['publishing events', '@aws-sdk/client-eventbridge', 'functions/events/publish.lambda.ts'],
  ])('%s', (_, name, place) => {
    expect(functions.filter(file => packageImports(file).includes(name))).toEqual([place]);
  });

  it('only functions/change.ts repeats a write after another writer was faster', () => {
    const writers = functions.filter(file => /\bwriteRows\(/.test(readSource(file)));
    // These create or delete rows, or let the caller repeat the request: there is nothing to decide again.
    const creators = [
      'functions/airlock/deletion/sweep.lambda.ts',
      'functions/airlock/project-settings.ts',
      'functions/airlock/steps/release-ledger.ts',
      'functions/airlock/store.ts',
      'functions/ingest/store.ts',
      'functions/projects/store.ts',
    ];
    expect(writers.sort()).toEqual(['functions/change.ts', 'functions/table.ts', ...creators].sort());
  });

  it('only functions/clock.ts reads the time', () => {
    const readers = functions.filter(file => /Date\.now\(|new Date\(\)/.test(readSource(file)));
    expect(readers).toEqual(['functions/clock.ts']);
  });
});
