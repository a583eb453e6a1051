import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { compareWithManifest } from '../../functions/ingest/compare.ts';
import type { ManifestName } from '../../functions/ingest/schemas.ts';
import type { ListedObject } from '../../functions/storage/object-read.ts';

export const toSha256Hex = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Files by path, as a partner would upload them; the manifest among them. */
export type DeliveryFiles = Record<string, string | Uint8Array>;

export const toSha256Sums = (files: DeliveryFiles): string =>
  Object.entries(files)
    .map(([path, content]) => `${toSha256Hex(content)}  ${path}\n`)
    .join('');

/** What the check finds in these files: by comparison first and, where nothing is wrong yet, by their content. */
export function checkDeliveryFiles(files: DeliveryFiles, manifest: ManifestName = 'SHA256SUMS') {
  const present: ListedObject[] = Object.entries(files).map(([path, content]) => ({
    path,
    version: `v-${path}`,
    size: Buffer.byteLength(content),
    etag: '',
  }));
  const texts = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]));
  const compared = compareWithManifest({ dataset: 'admissions', manifest, present, texts });
  const wrong = compared.files.filter(({ path, sha256 }) => toSha256Hex(files[path] ?? '') !== sha256);
  return { ...compared, wrong: wrong.map(({ path }) => path) };
}

const name = fc.stringMatching(/^[a-z0-9_-][a-z0-9 ._é-]{0,8}[a-z0-9]$/u);
/** Paths that may live beside each other. */
const paths = fc
  .uniqueArray(
    fc.array(name, { minLength: 1, maxLength: 3 }).map(names => names.join('/')),
    {
      minLength: 1,
      maxLength: 12,
      selector: path => path.normalize('NFC').toLowerCase(),
    },
  )
  .map(paths => paths.filter(path => !paths.some(folder => path.startsWith(`${folder}/`))));

/** A delivery with nothing wrong. */
export const anyValidFiles: fc.Arbitrary<DeliveryFiles> = paths.chain(paths =>
  fc
    .array(fc.string({ maxLength: 30 }), { minLength: paths.length, maxLength: paths.length })
    .map(contents => Object.fromEntries(paths.map((path, index) => [path, contents[index] ?? '']))),
);

export const addSha256Sums = (files: DeliveryFiles): DeliveryFiles => ({ ...files, SHA256SUMS: toSha256Sums(files) });

/** The same files as a bag. */
export function toBag(files: DeliveryFiles, tags: DeliveryFiles = {}): DeliveryFiles {
  const payload = Object.fromEntries(Object.entries(files).map(([path, content]) => [`data/${path}`, content]));
  const bytes = Object.values(files).reduce((sum, content) => sum + Buffer.byteLength(content), 0);
  const encoded = Object.entries(payload).map(
    ([path, content]) => `${toSha256Hex(content)}  ${path.replaceAll('%', '%25')}\n`,
  );
  const ownFiles: DeliveryFiles = {
    'bagit.txt': 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n',
    'bag-info.txt': `Source-Organization: Ninewells\nPayload-Oxum: ${bytes}.${Object.keys(files).length}\n`,
    'manifest-sha256.txt': encoded.join(''),
    ...tags,
  };
  return { ...payload, ...ownFiles, 'tagmanifest-sha256.txt': toSha256Sums(ownFiles) };
}
