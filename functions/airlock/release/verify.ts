import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { comparablePath, visiblePath } from '../../storage/paths.ts';
import { contradictions, type ReleasedFile, type ReleaseRecord, SignedRelease, signingInput } from './record.ts';

/** The SHA-256 of a public key's DER form. People compare it to know that they have the same key. */
export const fingerprintOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');

/** The key to trust: a PEM, or its fingerprint as 64 hexadecimal digits (colons and `SHA256:` may be there). */
export function parseKeyPin(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^sha-?256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  try {
    return fingerprintOf(createPublicKey(text));
  } catch {
    return undefined;
  }
}

export interface RecordVerdict {
  readonly record?: ReleaseRecord;
  readonly fingerprint?: string;
  /** What is wrong with the record or its signature, each in a sentence. */
  readonly wrong: readonly string[];
}

/** Verifies `release.json` without its files: its form, signature, pinned key and consistency. */
export function verifyRecord(text: string, pin?: string): RecordVerdict {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { wrong: ['It is not JSON.'] };
  }
  const result = SignedRelease.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    return { wrong: [`It is not a release record: ${issue?.path.join('.') || 'top'}: ${issue?.message}`] };
  }
  const { record, signature, publicKey } = result.data;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: publicKey, format: 'pem' });
  } catch {
    return { record, wrong: ['Its public key cannot be read.'] };
  }
  const fingerprint = fingerprintOf(key);
  const wrong: string[] = [];
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    wrong.push('Its key is not one of ECDSA over P-256.');
  else if (!holds(record, signature.value, key))
    wrong.push('The signature does not belong to this record: the record, or the signature, was changed.');
  if (pin !== undefined && pin !== fingerprint)
    wrong.push(`It is signed by another key than the one you trust: its fingerprint is ${fingerprint}.`);
  if (signature.keyId !== record.keyId) wrong.push('Record and signature name different keys.');
  return { record, fingerprint, wrong: [...wrong, ...contradictions(record)] };
}

function holds(record: ReleaseRecord, value: string, key: KeyObject): boolean {
  try {
    return verify('sha256', Buffer.from(signingInput(record), 'utf8'), key, Buffer.from(value, 'base64'));
  } catch {
    return false;
  }
}

/** A file in a folder. `link` says what it is if it is not a regular file. */
export type FoundFile = ReleasedFile | { readonly path: string; readonly link: string };

export interface FileDifference {
  readonly path: string;
  readonly kind: 'missing' | 'extra' | 'changed' | 'renamed' | 'twin' | 'refused';
  readonly reason: string;
}

/** Compares a folder with the record, file by file. An empty list means that the folder holds exactly the released files. */
export function compareFiles(record: ReleaseRecord, folderFiles: readonly FoundFile[]): FileDifference[] {
  const filesByPath = new Map(folderFiles.map(file => [file.path, file]));
  const releasedByPath = new Map(record.files.map(file => [file.path, file]));
  const extra = folderFiles.filter(({ path }) => !releasedByPath.has(path));
  const byName = new Map(extra.map(file => [comparablePath(file.path), file]));
  const byBytes = new Map(extra.flatMap(file => ('link' in file ? [] : [[file.sha256, file] as const])));
  const differences: FileDifference[] = [];
  const reportedPaths = new Set<string>();
  const report = (path: string, kind: FileDifference['kind'], reason: string) =>
    differences.push({ path: visiblePath(path), kind, reason });

  for (const file of record.files) {
    const folderFile = filesByPath.get(file.path);
    if (!folderFile) {
      const twin = byName.get(comparablePath(file.path));
      const copy = byBytes.get(file.sha256);
      if (twin) {
        reportedPaths.add(twin.path);
        const sameBytes = !('link' in twin) && twin.sha256 === file.sha256;
        const bytes = sameBytes ? 'has the same bytes' : 'has other bytes';
        report(
          file.path,
          'twin',
          `${spelling(twin.path)} is here instead, differs in case or Unicode form, and ${bytes}.`,
        );
      } else if (copy) {
        reportedPaths.add(copy.path);
        report(file.path, 'renamed', `Its bytes are here as ${visiblePath(copy.path)}.`);
      } else report(file.path, 'missing', 'It was released and is not here.');
    } else if ('link' in folderFile) report(file.path, 'refused', `It is ${folderFile.link}, not the file itself.`);
    else if (folderFile.size !== file.size)
      report(file.path, 'changed', `It has ${folderFile.size} bytes; ${file.size} were released.`);
    else if (folderFile.sha256 !== file.sha256)
      report(file.path, 'changed', `Its SHA-256 is ${folderFile.sha256}; ${file.sha256} was released.`);
  }
  for (const file of extra)
    if ('link' in file) report(file.path, 'refused', `It is ${file.link}, and was not released.`);
    else if (!reportedPaths.has(file.path)) report(file.path, 'extra', 'It was not released with this record.');
  return differences;
}

/** Spells a name with its code points, because it may look like another name. */
const spelling = (path: string): string =>
  /^[\x20-\x7e]*$/.test(path)
    ? path
    : [...path].map(sign => (sign > '~' ? `\\u{${sign.codePointAt(0)?.toString(16)}}` : sign)).join('');
