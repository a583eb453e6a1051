import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { DatasetRegistered } from '../ingest/events.ts';
import { type DatasetVersion, FileProofs } from '../ingest/schemas.ts';
import { announceLakeWriter, lakeWriterKey } from '../lake-writers.ts';
import { putImmutable } from '../storage/immutable-objects.ts';
import { isGoneObject, listObjects, readObject } from '../storage/object-read.ts';
import { deleteRow } from '../table.ts';
import { buildCrate, buildDcat, type CrateFile } from './crate.ts';
import { DatasetGoverned } from './events.ts';
import { parseManifestHashes } from './manifest-hashes.ts';
import type { DatasetTerms } from './schemas.ts';
import { findUsableVersion, pageVersions, readTerms } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), LAKE_BUCKET: z.string(), LISTS_BUCKET: z.string() });
// The bundle exceeds 450 KB because it needs the clients of both S3 and DynamoDB.
const { TABLE_NAME, LAKE_BUCKET, LISTS_BUCKET } = env.parse(process.env);

/** The files of a version with their sizes, which the list of checksums does not have. */
async function readFiles({ dataset, version, prefix }: DatasetVersion): Promise<CrateFile[]> {
  const list = await readObject({ bucket: LISTS_BUCKET, key: `manifests/${dataset}/${version}` });
  const hashes = parseManifestHashes(Buffer.from(list).toString('utf8'));
  const objects = (await listObjects(LAKE_BUCKET, `${prefix}data/`)) ?? [];
  return objects.flatMap(({ path, size }) => {
    const sha256 = hashes.get(path);
    return sha256 === undefined ? [] : [{ path, size, sha256 }];
  });
}

/** How the SHA-256 of each file is known, if that was written. */
async function readProofs({ dataset, version }: DatasetVersion): Promise<FileProofs> {
  try {
    const text = await readObject({ bucket: LISTS_BUCKET, key: `manifests/${dataset}/${version}.proofs` });
    return FileProofs.parse(JSON.parse(Buffer.from(text).toString('utf8')));
  } catch (error) {
    if (isGoneObject(error)) return {};
    throw error;
  }
}

async function describeVersion(version: DatasetVersion): Promise<void> {
  const { dataset } = version;
  const writer = `describe#${randomUUID()}`;
  await announceLakeWriter(TABLE_NAME, dataset, writer, currentTime());
  const terms = await readTerms(TABLE_NAME, dataset);
  // What is withdrawn is deleted, and nothing is added to it.
  if (!terms?.withdrawn) await writeDescriptions(version, terms);
  await deleteRow(TABLE_NAME, lakeWriterKey(dataset, writer));
}

async function writeDescriptions(version: DatasetVersion, terms: DatasetTerms | undefined): Promise<void> {
  const source = { version, terms, files: await readFiles(version), proofs: await readProofs(version) };
  const put = (name: string, content: object) =>
    putImmutable(LAKE_BUCKET, `${version.prefix}${name}`, JSON.stringify(content, null, 2), 'application/ld+json');
  await put('ro-crate-metadata.json', buildCrate(source));
  await put('dcat.jsonld', buildDcat(source));
}

/** Describes a new version beside its data, and all versions again when the rules of the dataset change. */
export const handler = eventHandler<{ dataset: string; version?: string }>(
  [DatasetRegistered, DatasetGoverned],
  async ({ dataset, version: name }) => {
    if (name !== undefined) return describeVersion(await findUsableVersion(TABLE_NAME, dataset, name));
    for (let next: string | undefined; ; ) {
      const page = await pageVersions(TABLE_NAME, dataset, { limit: 100, next });
      for (const version of page.items) await describeVersion(version);
      next = page.next;
      if (next === undefined) return;
    }
  },
);
