import { decodeLatin1, startsWithBytes, UnreadableError } from '../bytes.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import type { Format } from '../format.ts';
import { checkImage, reportMetadata } from '../image.ts';

export const jpegFormat: Format = {
  extensions: ['jpg', 'jpeg'],
  magic: { hex: 'ffd8ff' },
  kinds: ['figure'],
  check: input => checkImage(input, walkSegments),
};

function walkSegments(bytes: Uint8Array, view: DataView, findings: Findings): number {
  let offset = 2;
  for (;;) {
    if (offset + 4 > bytes.length) throw new UnreadableError('the picture is cut short');
    if (bytes[offset] !== 0xff) throw new UnreadableError('the picture is damaged');
    const marker = bytes[offset + 1] as number;
    if (marker === 0xff) {
      offset++;
      continue;
    }
    if (marker === 0xd9) return bytes.length - offset - 2;
    const length = view.getUint16(offset + 2);
    const content = bytes.subarray(offset + 4, offset + 2 + length);
    if (length < 2 || offset + 2 + length > bytes.length) throw new UnreadableError('the picture is cut short');
    if (marker === 0xe1) reportMetadata(findings, startsWithBytes(content, 'Exif') ? 'EXIF data' : 'XMP data');
    else if (marker === 0xfe)
      reportMetadata(findings, `a comment (${quoteForFinding(decodeLatin1(content.subarray(0, 40)))})`);
    else if (marker === 0xe0 && length > 16) reportMetadata(findings, 'a thumbnail');
    else if (marker === 0xe2 && !startsWithBytes(content, 'ICC_PROFILE'))
      reportMetadata(findings, 'a second picture or the like');
    else if (marker >= 0xe3 && marker <= 0xef && marker !== 0xee)
      reportMetadata(findings, `data of a program (APP${marker - 0xe0})`);
    offset += 2 + length;
    if (marker !== 0xda) continue;
    // The picture's data: up to the next marker that is neither a stuffed byte nor a restart.
    for (;;) {
      offset = bytes.indexOf(0xff, offset);
      if (offset < 0 || offset + 1 >= bytes.length) throw new UnreadableError('the picture is cut short');
      const next = bytes[offset + 1] as number;
      if (next !== 0 && !(next >= 0xd0 && next <= 0xd7) && next !== 0xff) break;
      offset += next === 0xff ? 1 : 2;
    }
    if (bytes[offset + 1] === 0xd9) return bytes.length - offset - 2;
  }
}
