import { readFileSync } from 'node:fs';
import type { ArchiveFile } from '../../functions/enclaves/pack/archive.ts';
import { buildEnclaveProgram } from './build-loader.ts';
import { fileOf } from './parties.ts';

/** What the partner keeps to itself: the centroids of its groups. */
const model = { features: ['age', 'systolic'], groups: { high: [75, 165], low: [35, 115] } };
const rows = [
  ...['70,160', '80,170', '30,110', '40,120', '36,118'],
  // So many of each group that its number may be published.
  ...Array.from({ length: 10 }, (_, index) => [`${66 + index},${155 + index}`, `${31 + index},${108 + index}`]).flat(),
];

/** A partner's confidential code, as the partner packs it: a program and its model. */
export const exampleArtefact = (): ArchiveFile[] => [
  fileOf('model.json', Buffer.from(JSON.stringify(model))),
  fileOf('run', readFileSync(buildEnclaveProgram('example')), true),
];

/** An owner's confidential data. */
export const examplePatients = (): ArchiveFile[] => [
  fileOf('patients.csv', Buffer.from(`age,systolic\n${rows.join('\n')}\n`)),
];
