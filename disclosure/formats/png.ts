import { crc32, inflateSync } from 'node:zlib';
import { concatBytes, decodeLatin1, UnreadableError } from '../bytes.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import { ALL_TIERS, type Format, type FormatCheck, type FormatRewrite } from '../format.ts';
import { checkImage, MAX_IMAGE_BYTES, reportMetadata, reportTrailing, rewriteImage } from '../image.ts';
import { readPngLayout } from '../preview/png-decode.ts';

export const pngFormat: Format = {
  type: 'image/png',
  tiers: ALL_TIERS,
  extensions: ['png'],
  magic: { hex: '89504e470d0a1a0a' },
  kinds: ['figure'],
};

export const checkPng: FormatCheck = input => checkImage(input, walkChunks);
export const rewritePng: FormatRewrite = (bytes, findings) => rewriteImage(bytes, walkChunks, findings);

/** Chunks that only say how the picture is drawn, with the most bytes that they can have. Each stands in it once. */
const drawingChunks: Readonly<Record<string, number>> = {
  IHDR: 13,
  PLTE: 768,
  IDAT: MAX_IMAGE_BYTES,
  IEND: 0,
  tRNS: 256,
  gAMA: 4,
  cHRM: 32,
  sRGB: 1,
  sBIT: 4,
  bKGD: 6,
  pHYs: 9,
  tIME: 7,
  cICP: 4,
};
/** What plotting programs write about themselves. */
const software = /^(Software|Creation Time|date:(create|modify|timestamp))\0[\w .,:;/()+-]{0,100}$/;
const MAX_PIXEL_BYTES = 256 * 2 ** 20;

function walkChunks(bytes: Uint8Array, view: DataView, findings: Findings): void {
  const chunkNames = new Set<string>();
  const pixels: Uint8Array[] = [];
  let previous = '';
  let offset = 8;
  while (previous !== 'IEND') {
    if (offset + 12 > bytes.length) throw new UnreadableError('the picture is cut short');
    const length = view.getUint32(offset);
    const kind = decodeLatin1(bytes.subarray(offset + 4, offset + 8));
    if (offset + 12 + length > bytes.length) throw new UnreadableError('the picture is cut short');
    const content = bytes.subarray(offset + 8, offset + 8 + length);
    if (crc32(bytes.subarray(offset + 4, offset + 8 + length)) !== view.getUint32(offset + 8 + length))
      throw new UnreadableError('a part of the picture is damaged');
    if ((offset === 8) !== (kind === 'IHDR')) throw new UnreadableError('it does not begin as a PNG does');
    offset += 12 + length;
    const text = kind === 'tEXt' ? decodeLatin1(content.subarray(0, 200)) : '';
    const name = text === '' ? kind : text.slice(0, text.indexOf('\0'));
    if (/^[tzi]TXt$|^tEXt$/.test(kind)) {
      if (!software.test(text) || length > 200 || chunkNames.has(name))
        reportMetadata(findings, `a text (${quoteForFinding(decodeLatin1(content.subarray(0, 40)))})`);
    } else if (kind === 'eXIf') reportMetadata(findings, 'EXIF data');
    else if (!Object.hasOwn(drawingChunks, kind) || length > (drawingChunks[kind] ?? 0))
      reportMetadata(findings, `a part of its own (${quoteForFinding(kind)})`);
    else if (chunkNames.has(kind) && !(kind === 'IDAT' && previous === 'IDAT'))
      reportMetadata(findings, `a part twice (${quoteForFinding(kind)})`);
    if (kind === 'IDAT') pixels.push(content);
    chunkNames.add(name);
    previous = kind;
  }
  checkPixels(Buffer.from(bytes.subarray(16, 29)), concatBytes(pixels), findings);
  reportTrailing(findings, bytes.length - offset);
}

/** The packed pixels must be what the header says, and nothing may stand behind them. */
function checkPixels(header: Buffer, packed: Uint8Array, findings: Findings): void {
  let consumed: number;
  try {
    const { size } = readPngLayout(header);
    if (size > MAX_PIXEL_BYTES) throw new UnreadableError('the picture has too many pixels');
    const { buffer, engine } = inflateSync(packed, { maxOutputLength: size, info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    if (buffer.length !== size) throw new UnreadableError('some of its pixels are missing');
    consumed = engine.bytesWritten;
  } catch (error) {
    throw error instanceof UnreadableError ? error : new UnreadableError('its pixels do not unpack');
  }
  reportTrailing(findings, packed.length - consumed);
}
