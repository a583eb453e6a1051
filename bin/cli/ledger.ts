import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { Sha256 } from '../../functions/identifiers.ts';
import { DeliveryId } from '../../functions/ingest/schemas.ts';
import { cliHome, type Environment } from './profile.ts';

/** A file at the time of its upload. */
export const SentFile = z.object({
  path: z.string(),
  size: z.number().int(),
  mtime: z.number(),
  sha256: Sha256,
  etag: z.string(),
});
export type SentFile = z.infer<typeof SentFile>;

/** Identifies an upload: two runs with the same values continue each other. */
export interface UploadPurpose {
  readonly api: string;
  /** The real path, without links. */
  readonly folder: string;
  readonly dataset: string;
}

const purposeOf = ({ api, folder, dataset }: UploadPurpose) =>
  createHash('sha256')
    .update(JSON.stringify([api, folder, dataset]))
    .digest('hex')
    .slice(0, 24);
const folderOf = (env: Environment) => join(cliHome(env), 'deliveries');

/** The started deliveries of an upload that are not known to be registered, newest first. */
export function listUnfinishedDeliveries(env: Environment, purpose: UploadPurpose): string[] {
  const end = `-${purposeOf(purpose)}.ndjson`;
  if (!existsSync(folderOf(env))) return [];
  return readdirSync(folderOf(env))
    .filter(name => name.endsWith(end))
    .map(name => name.slice(0, -end.length))
    .filter(id => DeliveryId.safeParse(id).success)
    .sort()
    .reverse();
}

/**
 * Remembers the uploaded files of a delivery, so that a stopped run can resume. A line is appended as soon as S3 has a
 * file; the last line for a path is the valid one.
 */
export class UploadLedger {
  readonly #file: string;
  readonly #sent = new Map<string, SentFile>();

  constructor(env: Environment, purpose: UploadPurpose, delivery: string) {
    this.#file = join(folderOf(env), `${delivery}-${purposeOf(purpose)}.ndjson`);
    mkdirSync(folderOf(env), { recursive: true, mode: 0o700 });
    const text = existsSync(this.#file) ? readFileSync(this.#file, 'utf8') : '';
    for (const line of text.split('\n')) {
      const file = parseLine(line);
      if (file) this.#sent.set(file.path, file);
    }
    // After a crash the last line may be incomplete; end it so that the next line is separate.
    if (!text.endsWith('\n')) writeFileSync(this.#file, text === '' ? '' : `${text}\n`, { mode: 0o600 });
  }

  get paths(): string[] {
    return [...this.#sent.keys()];
  }

  get(path: string): SentFile | undefined {
    return this.#sent.get(path);
  }

  add(file: SentFile): void {
    this.#sent.set(file.path, file);
    appendFileSync(this.#file, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  }

  /** Deletes the ledger once the delivery is registered. */
  close(): void {
    rmSync(this.#file, { force: true });
  }
}

function parseLine(line: string): SentFile | undefined {
  try {
    return SentFile.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
