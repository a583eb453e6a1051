import { concatBytes, decodeLatin1, startsWithBytes, UnreadableError } from '../bytes.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import { ALL_TIERS, type Format, type FormatCheck, type FormatRewrite } from '../format.ts';
import { checkImage, reportMetadata, reportTrailing, rewriteImage } from '../image.ts';
import { decodeJpeg } from '../preview/jpeg-decode.ts';

export const jpegFormat: Format = {
  type: 'image/jpeg',
  tiers: ALL_TIERS,
  extensions: ['jpg', 'jpeg'],
  magic: { hex: 'ffd8ff' },
  kinds: ['figure'],
};

export const checkJpeg: FormatCheck = input => checkImage(input, walkSegments);
export const rewriteJpeg: FormatRewrite = (bytes, findings) => rewriteImage(bytes, walkSegments, findings);

const MAX_SCANS = 4;

/** What a segment is that does not draw the picture; undefined where it does and is as long as it must be. */
function describeSegment(marker: number, content: Uint8Array): string | undefined {
  const { length } = content;
  if (marker === 0xe0) return startsWithBytes(content, 'JFIF\0') && length === 14 ? undefined : 'a thumbnail';
  if (marker === 0xee) return startsWithBytes(content, 'Adobe\0') && length === 12 ? undefined : 'data of a program';
  if (marker === 0xe1) return startsWithBytes(content, 'Exif') ? 'EXIF data' : 'XMP data';
  if (marker === 0xe2)
    return startsWithBytes(content, 'ICC_PROFILE') ? 'a colour profile' : 'a second picture or the like';
  if (marker === 0xfe) return `a comment (${quoteForFinding(decodeLatin1(content.subarray(0, 40)))})`;
  if (marker === 0xdd) return length === 2 ? undefined : 'bytes in its restart interval';
  // Tables: of quantisation, with 64 values of one byte or two, and of Huffman codes.
  if (marker === 0xdb) return length % 65 === 0 && length > 0 ? undefined : 'unusual tables';
  if (marker === 0xc4) return isHuffmanTables(content) ? undefined : 'unusual tables';
  if (marker === 0xc0 || marker === 0xc1)
    return length === 6 + 3 * (content[5] ?? 0) ? undefined : 'bytes in its frame';
  if (marker === 0xda) return length === 4 + 2 * (content[0] ?? 0) ? undefined : 'bytes in its scan';
  if (marker >= 0xe0 && marker <= 0xef) return `data of a program (APP${marker - 0xe0})`;
  return undefined;
}

/** Tables whose values all differ: a value that stands there twice is none that a picture needs. */
function isHuffmanTables(content: Uint8Array): boolean {
  let offset = 0;
  while (offset + 17 <= content.length) {
    const count = content.subarray(offset + 1, offset + 17).reduce((sum, value) => sum + value, 0);
    offset += 17 + count;
    if (new Set(content.subarray(offset - count, offset)).size < count) return false;
  }
  return offset === content.length;
}

/** Segments of which a picture has one; a table of each number is one. */
const singleSegments = [0xc0, 0xc1, 0xdd, 0xe0, 0xee];

function walkSegments(bytes: Uint8Array, view: DataView, findings: Findings): void {
  const segmentKeys = new Set<string>();
  const scanEnds: number[] = [];
  let offset = 2;
  for (;;) {
    if (offset + 2 > bytes.length) throw new UnreadableError('the picture is cut short');
    if (bytes[offset] !== 0xff) throw new UnreadableError('the picture is damaged');
    const marker = bytes[offset + 1] as number;
    if (marker === 0xd9) break;
    if (marker < 0xc0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd8))
      throw new UnreadableError('the picture is damaged');
    // Only pictures of one pass are followed: of others nobody can say where a pass ends.
    if ((marker >= 0xc2 && marker <= 0xcf && marker !== 0xc4) || marker === 0xdc)
      throw new UnreadableError('it is a progressive or unusual JPEG');
    const length = offset + 4 > bytes.length ? 0 : view.getUint16(offset + 2);
    if (length < 2 || offset + 2 + length > bytes.length) throw new UnreadableError('the picture is cut short');
    const content = bytes.subarray(offset + 4, offset + 2 + length);
    const description = describeSegment(marker, content);
    if (description !== undefined) reportMetadata(findings, description);
    const key = marker === 0xdb || marker === 0xc4 ? `${marker} ${content[0]}` : String(marker);
    if (segmentKeys.has(key) && (singleSegments.includes(marker) || key.includes(' ')))
      reportMetadata(findings, 'a part twice');
    segmentKeys.add(key);
    offset += 2 + length;
    if (marker !== 0xda) continue;
    offset = findScanEnd(bytes, offset);
    scanEnds.push(offset);
  }
  reportTrailing(findings, bytes.length - offset - 2);
  checkScans(bytes.subarray(0, offset + 2), scanEnds, findings);
}

/** Where the next marker is that is neither a stuffed byte nor a restart. */
function findScanEnd(bytes: Uint8Array, start: number): number {
  for (let offset = start; ; offset += 2) {
    offset = bytes.indexOf(0xff, offset);
    if (offset < 0 || offset + 1 >= bytes.length) throw new UnreadableError('the picture is cut short');
    const next = bytes[offset + 1] as number;
    if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) return offset;
  }
}

const isDecodable = (bytes: Uint8Array): boolean => {
  try {
    decodeJpeg(bytes, 25);
    return true;
  } catch {
    return false;
  }
};

/** The decoder passes over what stands behind a scan's last pixel: without its last byte the scan must be too short. */
function checkScans(bytes: Uint8Array, scanEnds: readonly number[], findings: Findings): void {
  if (scanEnds.length > MAX_SCANS || !isDecodable(bytes)) throw new UnreadableError('its pixels do not unpack');
  for (const end of scanEnds) {
    const isStuffed = bytes[end - 2] === 0xff;
    const shorter = concatBytes([bytes.subarray(0, end - (isStuffed ? 3 : 1)), bytes.subarray(end)]);
    if (isDecodable(shorter)) reportTrailing(findings, 1);
  }
}
