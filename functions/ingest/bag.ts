import type { Finding } from '../identifiers.ts';
import { pathFinding } from '../storage/paths.ts';
import { readUtf8Text } from './manifest.ts';

/** The size of the payload according to `bag-info.txt`. */
export interface PayloadOxum {
  readonly bytes: number;
  readonly files: number;
}

/** Tag files that a bag's tag manifest need not list (RFC 8493, 2.2). */
export const isUnlistedTagFile = (path: string): boolean =>
  /^(bagit|bag-info|(tag)?manifest-[a-z0-9]+)\.txt$/.test(path);

/**
 * Decodes a path of a bag's manifest. BagIt 1.0 writes line breaks and % as %0A, %0D and %25. Earlier versions encoded
 * only line breaks, so there %25 is literal.
 */
export const bagPathDecoder =
  (version: string) =>
  (pathText: string): string =>
    pathText.replace(version === '1.0' ? /%(0A|0D|25)/gi : /%(0A|0D)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );

/** Reads `bagit.txt`: the version, or findings. */
export function readBagDeclaration(bytes: Uint8Array | undefined): { version: string; findings: Finding[] } {
  const name = 'bagit.txt';
  const wrong = (reason: string) => ({ version: '1.0', findings: [pathFinding(name, reason)] });
  if (bytes === undefined)
    return wrong(
      'This file is missing, so the delivery is not a bag. Upload it, then upload the manifest again; or list the files in SHA256SUMS instead.',
    );
  const read = readUtf8Text(bytes, name);
  if ('wrong' in read) return { version: '1.0', findings: [read.wrong] };
  const [, version] =
    /^BagIt-Version: (1\.0|0\.97)\r?\nTag-File-Character-Encoding: UTF-8\r?\n?$/.exec(read.text) ?? [];
  if (version === undefined)
    return wrong(
      'This file must contain exactly two lines: `BagIt-Version: 1.0` (or 0.97) and `Tag-File-Character-Encoding: UTF-8`. Correct it, then upload the manifest again.',
    );
  return { version, findings: [] };
}

/** Reads the Payload-Oxum of `bag-info.txt`: the number of bytes and files. */
export function readBagInfo(bytes: Uint8Array): { oxum?: PayloadOxum; findings: Finding[] } {
  const name = 'bag-info.txt';
  const read = readUtf8Text(bytes, name);
  if ('wrong' in read) return { findings: [read.wrong] };
  const oxumValues = read.text
    .split(/\r\n|\r|\n/)
    .flatMap(line => /^Payload-Oxum\s*:\s*(.*?)\s*$/i.exec(line)?.[1] ?? []);
  const [oxumValue] = oxumValues;
  if (oxumValue === undefined) return { findings: [] };
  const [, octets, files] = /^(\d{1,15})\.(\d{1,9})$/.exec(oxumValue) ?? [];
  if (oxumValues.length > 1 || octets === undefined || files === undefined)
    return {
      findings: [
        pathFinding(
          name,
          'This file must contain Payload-Oxum exactly once, as `<bytes>.<files>`. Correct it, then upload the manifest again.',
        ),
      ],
    };
  return { oxum: { bytes: Number(octets), files: Number(files) }, findings: [] };
}
