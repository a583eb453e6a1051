import { decodeLatin1, UnreadableError } from '../bytes.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import type { Format } from '../format.ts';
import { checkImage, MAX_IMAGE_BYTES, reportMetadata } from '../image.ts';

export const pngFormat: Format = {
  extensions: ['png'],
  magic: { hex: '89504e470d0a1a0a' },
  kinds: ['figure'],
  check: input => checkImage(input, walkChunks),
};

/** Chunks that only say how the picture is drawn, with the most bytes that they can have. */
const drawing: Record<string, number> = {
  IHDR: 13,
  PLTE: 768,
  IDAT: MAX_IMAGE_BYTES,
  IEND: 0,
  tRNS: 512,
  gAMA: 4,
  cHRM: 32,
  sRGB: 1,
  sBIT: 4,
  bKGD: 6,
  pHYs: 9,
  hIST: 512,
  tIME: 7,
  acTL: 8,
  fcTL: 26,
  fdAT: MAX_IMAGE_BYTES,
  cICP: 4,
  iCCP: 16_384,
};
/** What plotting programs write about themselves. */
const software = /^(Software|Creation Time|date:(create|modify|timestamp))\0/;

function walkChunks(bytes: Uint8Array, view: DataView, findings: Findings): number {
  for (let offset = 8; ; ) {
    if (offset + 12 > bytes.length) throw new UnreadableError('the picture is cut short');
    const length = view.getUint32(offset);
    const kind = decodeLatin1(bytes.subarray(offset + 4, offset + 8));
    if (offset + 12 + length > bytes.length) throw new UnreadableError('the picture is cut short');
    const content = bytes.subarray(offset + 8, offset + 8 + length);
    offset += 12 + length;
    if (/^[tzi]TXt$|^tEXt$/.test(kind)) {
      if (!(kind === 'tEXt' && length < 200 && software.test(decodeLatin1(content))))
        reportMetadata(findings, `a text (${quoteForFinding(decodeLatin1(content.subarray(0, 40)))})`);
    } else if (kind === 'eXIf') reportMetadata(findings, 'EXIF data');
    else if (!Object.hasOwn(drawing, kind) || length > (drawing[kind] ?? 0))
      reportMetadata(findings, `a part of its own (${quoteForFinding(kind)})`);
    if (kind === 'IEND') return bytes.length - offset;
  }
}
