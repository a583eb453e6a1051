import { decodeLatin1, startsWithBytes, UnreadableError } from './bytes.ts';
import { type Findings, quoteForFinding } from './findings.ts';

/** The largest picture that is read: it is held whole. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

const metadata = (findings: Findings, what: string) => {
  if (findings.runs('image.metadata'))
    findings.add('image.metadata', `The picture has ${what}, which can hold anything. Save it without.`);
};
const behind = (findings: Findings, bytes: number) => {
  if (bytes > 0 && findings.runs('image.trailing'))
    findings.add('image.trailing', `There are ${bytes} bytes behind the picture's end, which no viewer shows.`);
};

/** Walks a picture part by part: everything in it must be the picture itself. Each walk returns the bytes behind its end. */
export function checkImage(type: string, bytes: Uint8Array, findings: Findings): void {
  findings.runs('image.metadata');
  findings.runs('image.trailing');
  const walk = { 'image/png': png, 'image/jpeg': jpeg }[type];
  if (walk) behind(findings, walk(bytes, findings));
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

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

function png(bytes: Uint8Array, findings: Findings): number {
  const view = viewOf(bytes);
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw new UnreadableError('the picture is cut short');
    const length = view.getUint32(at);
    const kind = decodeLatin1(bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) throw new UnreadableError('the picture is cut short');
    const content = bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
    if (/^[tzi]TXt$|^tEXt$/.test(kind)) {
      if (!(kind === 'tEXt' && length < 200 && software.test(decodeLatin1(content))))
        metadata(findings, `a text (${quoteForFinding(decodeLatin1(content.subarray(0, 40)))})`);
    } else if (kind === 'eXIf') metadata(findings, 'EXIF data');
    else if (!Object.hasOwn(drawing, kind) || length > (drawing[kind] ?? 0))
      metadata(findings, `a part of its own (${quoteForFinding(kind)})`);
    if (kind === 'IEND') return bytes.length - at;
  }
}

function jpeg(bytes: Uint8Array, findings: Findings): number {
  const view = viewOf(bytes);
  let at = 2;
  for (;;) {
    if (at + 4 > bytes.length) throw new UnreadableError('the picture is cut short');
    if (bytes[at] !== 0xff) throw new UnreadableError('the picture is damaged');
    const marker = bytes[at + 1] as number;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9) return bytes.length - at - 2;
    const length = view.getUint16(at + 2);
    const content = bytes.subarray(at + 4, at + 2 + length);
    if (length < 2 || at + 2 + length > bytes.length) throw new UnreadableError('the picture is cut short');
    if (marker === 0xe1) metadata(findings, startsWithBytes(content, 'Exif') ? 'EXIF data' : 'XMP data');
    else if (marker === 0xfe)
      metadata(findings, `a comment (${quoteForFinding(decodeLatin1(content.subarray(0, 40)))})`);
    else if (marker === 0xe0 && length > 16) metadata(findings, 'a thumbnail');
    else if (marker === 0xe2 && !startsWithBytes(content, 'ICC_PROFILE'))
      metadata(findings, 'a second picture or the like');
    else if (marker >= 0xe3 && marker <= 0xef && marker !== 0xee)
      metadata(findings, `data of a program (APP${marker - 0xe0})`);
    at += 2 + length;
    if (marker !== 0xda) continue;
    // The picture's data: up to the next marker that is neither a stuffed byte nor a restart.
    for (;;) {
      at = bytes.indexOf(0xff, at);
      if (at < 0 || at + 1 >= bytes.length) throw new UnreadableError('the picture is cut short');
      const next = bytes[at + 1] as number;
      if (next !== 0 && !(next >= 0xd0 && next <= 0xd7) && next !== 0xff) break;
      at += next === 0xff ? 1 : 2;
    }
    if (bytes[at + 1] === 0xd9) return bytes.length - at - 2;
  }
}

/** An SVG is a program as much as a picture: only drawing may be in it. */
export function checkSvg(text: string, findings: Findings): void {
  const active = (says: string) => {
    if (findings.runs('image.active'))
      findings.add('image.active', `${says} Export the drawing as PNG, or without it.`);
  };
  findings.runs('image.active');
  if (/<(\w+:)?(script|foreignObject|iframe|embed|object|handler|listener|animate|set)\b/i.test(text))
    active('It has scripts, animations or a page in it.');
  if (/\son[a-z]{3,20}\s*=/i.test(text) || /javascript:/i.test(text)) active('It has event handlers.');
  if (/<!(DOCTYPE[^<>]{0,2000}\[|ENTITY)/i.test(text)) active('It declares entities.');
  if (
    /(href|src)\s*=\s*["']\s*(?!#|data:image\/(png|jpe?g);)[^"'\s]/i.test(text) ||
    /url\(\s*["']?(?!#|data:image\/(png|jpe?g);)\s*[^)"'#\s]/i.test(text) ||
    /@import/i.test(text) ||
    /<\?xml-stylesheet/i.test(text)
  )
    active('It loads something from outside.');
  if (/data:image\//i.test(text) && findings.runs('image.metadata')) metadata(findings, 'a picture in it');
  if (/<(sodipodi|inkscape|i:|x:xmpmeta)/i.test(text)) metadata(findings, 'data of a drawing program');
  const end = text.lastIndexOf('</svg>');
  if (end >= 0) behind(findings, text.slice(end + 6).trim().length);
}
