import type { Finding } from '../identifiers.ts';
import type { ListedObject } from '../storage/object-read.ts';
import { byteLength, comparablePath, findPathClashes, pathFinding, visiblePath } from '../storage/paths.ts';
import { bagPathDecoder, isUnlistedTagFile, type PayloadOxum, readBagDeclaration, readBagInfo } from './bag.ts';
import { bagManifestLine, type ManifestEntry, type ManifestListing, readManifest, sha256sumsLine } from './manifest.ts';
import { lakePrefix, type ManifestName, manifestNames } from './schemas.ts';

/** A listed file: its uploaded version, its checksum, and its path in the dataset (none for tag files of a bag). */
export interface PinnedFile extends ListedObject {
  readonly sha256: string;
  readonly target?: string;
}

export interface ArrivedDelivery {
  readonly dataset: string;
  readonly manifest: ManifestName;
  readonly present: readonly ListedObject[];
  /** The content of the manifest and, for a bag, of its tag files, by path. */
  readonly texts: ReadonlyMap<string, Uint8Array>;
}

/** The limit lets forty functions hash a delivery within their timeout at 50 MB a second. */
export const MAX_DELIVERY_BYTES = 1024 ** 4;

/** The tag files that a check reads. */
export const bagTagFiles = ['bagit.txt', 'bag-info.txt', 'tagmanifest-sha256.txt'] as const;

const remedy = 'then upload the manifest again';

/** Compares the manifest with the uploaded files. Returns the files to verify and the findings so far. */
export function compareWithManifest(arrived: ArrivedDelivery): { files: PinnedFile[]; findings: Finding[] } {
  const { manifest, present, dataset } = arrived;
  // A key has at most 1024 bytes, and the prefix of the lake is the longest.
  const room = 1024 - byteLength(`${lakePrefix(dataset, '0'.repeat(64))}data/`);
  const manifestFindings = manifestNames.every(name => present.some(({ path }) => path === name))
    ? [
        pathFinding(
          manifest,
          'The delivery has two manifests, SHA256SUMS and manifest-sha256.txt. Open a new delivery with one of them.',
        ),
      ]
    : [];
  const { files, findings } = manifest === 'SHA256SUMS' ? ofList(arrived, room) : ofBag(arrived, room);
  return { files, findings: [...manifestFindings, ...findings, ...tooLarge(files)] };
}

function ofList({ texts, present }: ArrivedDelivery, room: number) {
  const name = 'SHA256SUMS';
  const { entries, findings } = readManifest(texts.get(name) ?? new Uint8Array(), {
    name,
    line: sha256sumsLine,
    // `find . -exec sha256sum` writes every path with `./` before it.
    decode: pathText => pathText.replace(/^(\.\/)+/, ''),
    room,
  });
  const itself = entries.some(({ path }) => path === name)
    ? [pathFinding(name, `The manifest cannot contain its own checksum. Remove that line, ${remedy}.`)]
    : [];
  const fileEntries = entries.filter(({ path }) => path !== name);
  const files = present.filter(({ path }) => path !== name);
  const comparison = match({ entries: fileEntries, findings }, files, name, path => path);
  return {
    files: comparison.files,
    findings: [...itself, ...comparison.findings, ...findPathClashes(fileEntries.map(({ path }) => path))],
  };
}

function ofBag({ texts, present }: ArrivedDelivery, room: number) {
  const { version, findings: declarationFindings } = readBagDeclaration(texts.get('bagit.txt'));
  const form = (name: string) => ({ name, line: bagManifestLine, decode: bagPathDecoder(version), room });
  const read = (name: string): ManifestListing => readManifest(texts.get(name) ?? new Uint8Array(), form(name));
  const isPayload = ({ path }: { path: string }) => path.startsWith('data/');
  const payload = present.filter(isPayload);
  const tags = present.filter(file => !isPayload(file));

  const { entries, findings } = read('manifest-sha256.txt');
  const outsideFindings = entries
    .filter(entry => !isPayload(entry))
    .map(({ path }) =>
      pathFinding(path, `The manifest of a bag may only list files under data/. Move this file there, ${remedy}.`),
    );
  const fileEntries = entries.filter(isPayload);
  const comparison = match({ entries: fileEntries, findings }, payload, 'manifest-sha256.txt', path =>
    path.slice('data/'.length),
  );
  const tagManifest: ManifestListing = texts.has('tagmanifest-sha256.txt')
    ? read('tagmanifest-sha256.txt')
    : { entries: [], findings: [] };
  const tagFindings = tagManifest.entries
    .filter(isPayload)
    .map(({ path }) =>
      pathFinding(path, `A tag manifest must not list files under data/. Remove that line, ${remedy}.`),
    );
  const tagEntries = tagManifest.entries.filter(entry => !isPayload(entry));
  const listedTags = new Set(tagEntries.map(({ path }) => path));
  const strict = tags.filter(({ path }) => listedTags.has(path) || (!isUnlistedTagFile(path) && path !== 'fetch.txt'));
  const matchedTags = match({ entries: tagEntries, findings: tagManifest.findings }, strict, 'tagmanifest-sha256.txt');
  const fetch = tags.some(({ path }) => path === 'fetch.txt')
    ? [
        pathFinding(
          'fetch.txt',
          'Files listed in fetch.txt are not downloaded. Open a new delivery with all files in data/.',
        ),
      ]
    : [];
  const info = texts.get('bag-info.txt');
  const { oxum, findings: infoFindings } = info ? readBagInfo(info) : { findings: [] };
  return {
    files: [...comparison.files, ...matchedTags.files],
    findings: [
      ...declarationFindings,
      ...fetch,
      ...infoFindings,
      ...outsideFindings,
      ...tagFindings,
      ...comparison.findings,
      ...matchedTags.findings,
      ...findPathClashes(fileEntries.map(({ path }) => path)),
      ...(oxum ? compareOxum(oxum, payload) : []),
    ],
  };
}

function compareOxum(oxum: PayloadOxum, payload: readonly ListedObject[]): Finding[] {
  const [bytes, files] = [payload.reduce((sum, { size }) => sum + size, 0), payload.length];
  if (oxum.bytes === bytes && oxum.files === files) return [];
  return [
    pathFinding(
      'bag-info.txt',
      `Payload-Oxum says ${oxum.bytes} bytes in ${oxum.files} files, but ${bytes} bytes in ${files} files were uploaded. Upload the missing files or correct Payload-Oxum, ${remedy}.`,
    ),
  ];
}

/** Reports listed files that were not uploaded, and uploaded files that are not listed. */
function match(
  { entries, findings }: ManifestListing,
  present: readonly ListedObject[],
  name: string,
  target?: (path: string) => string,
): { files: PinnedFile[]; findings: Finding[] } {
  const filesByPath = new Map(present.map(file => [file.path, file]));
  const listedPaths = new Set(entries.map(({ path }) => path));
  const extra = present.filter(({ path }) => !listedPaths.has(path));
  const alike = new Map(extra.map(({ path }) => [comparablePath(path), path]));
  const missing = (path: string) => {
    const uploadedPath = alike.get(comparablePath(path));
    return pathFinding(
      path,
      uploadedPath === undefined
        ? `This file is listed in ${name} but was not uploaded. Upload it, ${remedy}.`
        : `This file is listed in ${name} but was uploaded as ${visiblePath(uploadedPath)}, which differs in case or Unicode form. Upload it under its listed name in a new delivery.`,
    );
  };
  const pin = ({ path, sha256 }: ManifestEntry): PinnedFile[] => {
    const file = filesByPath.get(path);
    return file ? [{ ...file, sha256, ...(target && { target: target(path) }) }] : [];
  };
  return {
    files: entries.flatMap(pin),
    findings: [
      ...findings,
      ...entries.filter(({ path }) => !filesByPath.has(path)).map(({ path }) => missing(path)),
      ...extra.map(({ path }) =>
        pathFinding(
          path,
          `This file was uploaded but is not listed in ${name}. List it, ${remedy}; or open a new delivery without it.`,
        ),
      ),
    ],
  };
}

function tooLarge(files: readonly PinnedFile[]): Finding[] {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return total > MAX_DELIVERY_BYTES
    ? [pathFinding('', 'The delivery is larger than 1 TiB. Split it into several deliveries.')]
    : [];
}
