import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { lakePrefix } from '../ingest/schemas.ts';
import { rowKey } from '../keys.ts';
import { Project } from '../projects/schemas.ts';
import { putImmutable } from '../storage/immutable-objects.ts';
import { putObjectOnce } from '../storage/object-copy.ts';
import { getScratch } from '../storage/scratch-store.ts';
import { readRow } from '../table.ts';
import { fitsAccessPolicy } from './access-policy.ts';
import { buildCrate, buildDcat } from './crate.ts';
import type { RoomCheck } from './grants.ts';
import { parseManifestHashes } from './manifest-hashes.ts';
import { decideMinimisation, expectsMinimised } from './minimisation.ts';
import { MinimisationRecord, RECORD_PATH, sumCounts } from './minimisation-record.ts';
import { MinimisationStep, MinimisedTables, minimisationEnv } from './minimise-steps.ts';
import { changeUse, findUsableVersion, readTerms, readUse } from './store.ts';

export const env = minimisationEnv;
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, LAKE_BUCKET, LISTS_BUCKET, WORK_BUCKET } = env.parse(process.env);

const Input = MinimisationStep.extend({
  version: Sha256,
  manifest: z.string(),
  record: z.string(),
  measures: z.string(),
});

/** Writes the descriptions of the minimised version, then grants it to the project. Idempotent after a crash at any point. */
export const handler = stepHandler(Input, async ({ project, use: id, dataset, source, version: name, ...keys }) => {
  const [manifest, text, measures] = await Promise.all(
    [keys.manifest, keys.record, keys.measures].map(key => getScratch(WORK_BUCKET, key)),
  );
  const record = MinimisationRecord.parse(JSON.parse(text ?? ''));
  const [terms, use, origin] = await Promise.all([
    readTerms(TABLE_NAME, dataset),
    readUse(TABLE_NAME, project, id),
    findUsableVersion(TABLE_NAME, dataset, source),
  ]);
  const prefix = lakePrefix(dataset, name);
  const now = currentTime();
  const sizes = new Map(MinimisedTables.parse(JSON.parse(measures ?? '')).map(({ path, size }) => [path, size]));
  const files = [...parseManifestHashes(manifest ?? '')].map(([path, sha256]) => ({
    path,
    sha256,
    size: sizes.get(path) ?? Buffer.byteLength(text ?? ''),
  }));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (!terms?.withdrawn && expectsMinimised(use)) {
    await putObjectOnce({ bucket: LAKE_BUCKET, key: `${prefix}data/${RECORD_PATH}` }, text ?? '');
    await putObjectOnce({ bucket: LAKE_BUCKET, key: `${prefix}SHA256SUMS` }, manifest ?? '');
    await putObjectOnce({ bucket: LISTS_BUCKET, key: `manifests/${dataset}/${name}` }, manifest ?? '');
    const version = { ...origin, version: name, prefix, files: files.length, bytes, registeredAt: now };
    const crate = { version, terms, files, minimisation: record };
    const put = (path: string, content: object) =>
      putImmutable(LAKE_BUCKET, `${prefix}${path}`, JSON.stringify(content, null, 2), 'application/ld+json');
    await put('ro-crate-metadata.json', buildCrate(crate));
    await put('dcat.jsonld', buildDcat(crate));
  }
  const [rowsRead, rowsWritten, cellsEmptied] = sumCounts(record);
  const { filesLeftOut } = record;
  const counts = { files: files.length, bytes, rowsRead, rowsWritten, cellsEmptied, filesLeftOut };
  const minimised = { version: name, prefix, ...counts, at: now };
  const row = await readRow(TABLE_NAME, Project, rowKey('project', project));
  const reader = row?.status === 'ready' ? row.network.datasets : undefined;
  if (!reader) throw new Error(`project ${project} cannot read datasets`);
  const hasRoom: RoomCheck = grants => fitsAccessPolicy(reader, grants, now);
  const command = { do: 'recordMinimised', minimised, hasRoom } as const;
  const { reason } = await changeUse(
    TABLE_NAME,
    { project, id },
    async read => decideMinimisation(read, command, now, await readTerms(TABLE_NAME, dataset)),
    now,
  );
  return { outcome: reason };
});
