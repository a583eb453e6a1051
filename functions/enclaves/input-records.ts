import { DatasetTerms, ProjectGrants } from '../datasets/schemas.ts';
import { DatasetVersion } from '../ingest/schemas.ts';
import { rowKey } from '../keys.ts';
import { readRow } from '../table.ts';
import { requireGrantedInput } from './granted-inputs.ts';
import type { RunManifest } from './schemas.ts';

export const readInputTerms = (table: string, dataset: string) =>
  readRow(table, DatasetTerms, rowKey('terms', dataset));

/** Refuses a run whose data do not exist, or which its project may not use now. */
export async function requireGrantedInputs(
  table: string,
  project: string,
  inputs: RunManifest['inputs'],
  now: string,
): Promise<void> {
  const { grants = [] } = (await readRow(table, ProjectGrants, rowKey('use', project, 'GRANTS'))) ?? {};
  for (const input of inputs) {
    const [version, terms] = await Promise.all([
      readRow(table, DatasetVersion, rowKey('dataset', input.dataset, `VERSION#${input.version}`)),
      readInputTerms(table, input.dataset),
    ]);
    requireGrantedInput(input, { version, terms, grants }, project, now);
  }
}
