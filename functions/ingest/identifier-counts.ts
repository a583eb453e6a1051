import { getScratch } from '../storage/scratch-store.ts';
import { FileIdentifiers } from './schemas.ts';

/** Files that are reported of a delivery. */
const MAX_FILES = 20;

/** The direct identifiers that the chunks of a check counted. */
export async function readIdentifiers(bucket: string, keys: readonly string[]): Promise<FileIdentifiers> {
  const files: FileIdentifiers = [];
  for (const key of keys) files.push(...FileIdentifiers.parse(JSON.parse(await getScratch(bucket, key))));
  return files.slice(0, MAX_FILES);
}
