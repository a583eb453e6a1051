import { decodeLatin1, findBytes, startsWithBytes } from './bytes.ts';
import { countRecordCells, detectDelimiter } from './csv.ts';
import { isTableInCode } from './delimited-text.ts';

/** Types by the first bytes. What may leave is a short list; the others are named so that a refusal can say what they are. */
const magics: readonly [type: string, magic: string | readonly number[], at?: number][] = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/gif', 'GIF87a'],
  ['image/gif', 'GIF89a'],
  ['image/webp', 'WEBP', 8],
  ['image/tiff', [0x49, 0x49, 0x2a, 0]],
  ['image/tiff', [0x4d, 0x4d, 0, 0x2a]],
  ['image/bmp', [0x42, 0x4d]],
  ['application/pdf', '%PDF-'],
  ['application/postscript', '%!PS'],
  ['application/rtf', '{\\rtf'],
  ['application/zip', [0x50, 0x4b, 3, 4]],
  ['application/zip', [0x50, 0x4b, 5, 6]],
  ['application/zip', [0x50, 0x4b, 7, 8]],
  ['application/gzip', [0x1f, 0x8b]],
  ['application/x-bzip2', 'BZh'],
  ['application/x-xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ['application/x-7z-compressed', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['application/vnd.rar', 'Rar!'],
  ['application/zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['application/x-tar', 'ustar', 257],
  ['application/vnd.apache.parquet', 'PAR1'],
  ['application/vnd.apache.arrow.file', 'ARROW1'],
  ['application/x-hdf5', [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['application/x-npy', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  ['application/x-rdata', 'RDX'],
  ['application/x-rds', 'X\n\0\0'],
  ['application/x-ole-storage', [0xd0, 0xcf, 0x11, 0xe0]],
  ['application/x-executable', [0x7f, 0x45, 0x4c, 0x46]],
  ['application/x-executable', 'MZ'],
  ['application/x-executable', [0xcf, 0xfa, 0xed, 0xfe]],
  ['application/java-vm', [0xca, 0xfe, 0xba, 0xbe]],
  ['application/vnd.sqlite3', 'SQLite format 3\0'],
  ['application/x-stata', '<stata_dta>'],
  ['application/x-spss', '$FL2'],
  ['application/x-sas', 'HEADER RECORD***'],
];

const code =
  'py r rmd qmd do ado sql jl sas sh bash ps1 js ts java c h cpp go rs m stan pl rb scala yaml yml toml cfg ini tex css'.split(
    ' ',
  );
const sheet = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const document = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const slides = 'application/vnd.openxmlformats-officedocument.presentationml.presentation';

/** What each extension may hold. A name without a known extension promises nothing. */
const promised: Record<string, readonly string[]> = {
  csv: ['text/csv', 'text/tab-separated-values', 'text/plain'],
  tsv: ['text/tab-separated-values', 'text/csv', 'text/plain'],
  tab: ['text/tab-separated-values', 'text/csv', 'text/plain'],
  txt: ['text/plain', 'text/csv', 'text/tab-separated-values', 'text/markdown', 'application/json', 'text/x-code'],
  log: ['text/plain', 'text/csv', 'text/tab-separated-values', 'application/json', 'application/x-ndjson'],
  md: ['text/markdown', 'text/plain'],
  json: ['application/json', 'application/x-ndjson'],
  ndjson: ['application/x-ndjson', 'application/json'],
  jsonl: ['application/x-ndjson', 'application/json'],
  ipynb: ['application/x-ipynb+json'],
  xlsx: [sheet],
  docx: [document],
  pptx: [slides],
  parquet: ['application/vnd.apache.parquet'],
  pdf: ['application/pdf'],
  png: ['image/png'],
  jpg: ['image/jpeg'],
  jpeg: ['image/jpeg'],
  gif: ['image/gif'],
  webp: ['image/webp'],
  svg: ['image/svg+xml'],
  html: ['text/html'],
  htm: ['text/html'],
  safetensors: ['application/x-safetensors'],
  onnx: ['application/onnx'],
  ...Object.fromEntries(code.map(extension => [extension, ['text/x-code', 'text/plain', 'text/markdown']])),
};

export const extensionOf = (path: string): string => /\.([^./]{1,12})$/.exec(path)?.[1]?.toLowerCase() ?? '';

/** Whether a name promises another type than the bytes show. */
export const contradictsExtension = (path: string, type: string): boolean => {
  const extension = extensionOf(path);
  const may = Object.hasOwn(promised, extension) ? promised[extension] : undefined;
  return may !== undefined && !may.includes(type);
};

/** UTF-8, or another text of one byte a character: no NUL and hardly a control character. */
export function isText(bytes: Uint8Array): boolean {
  if (startsWithBytes(bytes, [0xff, 0xfe]) || startsWithBytes(bytes, [0xfe, 0xff]))
    return bytes.length % 2 === 0 || bytes.length > 4096;
  let controls = 0;
  for (const byte of bytes) {
    if (byte === 0) return false;
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 12 && byte !== 27) controls++;
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return controls <= bytes.length / 100;
  } catch {
    const high = bytes.reduce((sum, byte) => sum + (byte >= 0x80 ? 1 : 0), 0);
    return controls === 0 && high <= bytes.length * 0.1;
  }
}

/** Whether the first records have two columns or more, and nearly all the same number. */
function isTable(bytes: Uint8Array): boolean {
  const rows = countRecordCells(bytes.subarray(0, 16_384), detectDelimiter(bytes));
  const common = rows.filter(width => width === rows[Math.min(1, rows.length - 1)]).length;
  return rows.length >= 2 && (rows[1] ?? 0) >= 2 && common >= 0.8 * rows.length;
}

/** Markup without its declaration and the comments before its first element. */
function withoutComments(markup: string): string {
  let rest = markup;
  for (;;) {
    const [open, close] = rest.startsWith('<!--') ? ['<!--', '-->'] : ['<?xml', '?>'];
    const end = rest.startsWith(open) ? rest.indexOf(close, open.length) : -1;
    if (end < 0) return rest;
    rest = rest.slice(end + close.length).trimStart();
  }
}

/** The type of a text by its beginning. The name helps only between kinds of text, where a wrong one does no harm. */
function textType(bytes: Uint8Array, path: string): string {
  const extension = extensionOf(path);
  const text = new TextDecoder().decode(bytes).replace(/^\ufeff/, '');
  const start = text.trimStart().slice(0, 4096);
  const markup = withoutComments(start.toLowerCase());
  if (
    /^(<\?xml[^>]*>\s*)?(<!doctype svg[^>]*>\s*)?<svg[\s>]/.test(markup) ||
    (extension === 'svg' && markup.includes('<svg'))
  )
    return 'image/svg+xml';
  if (/^(<!doctype html|<html|<head|<body|<script|<iframe)/.test(markup)) return 'text/html';
  if (start.startsWith('<?xml')) return 'application/xml';
  // In code and Markdown a bracket begins other things, unless a string with a colon follows.
  if (/^[{[]/.test(start) && (!['md', ...code].includes(extension) || /^(\[\s*)?\{\s*"[^"\n]*"\s*:/.test(start))) {
    const record = /^\{/.test(start);
    if (record && (extension === 'ipynb' || (/"nbformat"\s*:/.test(text) && /"cells"\s*:/.test(text))))
      return 'application/x-ipynb+json';
    const lines = start.split('\n', 3);
    if (record && lines.length > 1 && lines.slice(0, 2).every(line => /^\{.*\}\s*$/.test(line)))
      return 'application/x-ndjson';
    if (/^(\{\s*("|\})|\[\s*([{["\d\-\]]|true|false|null))/.test(start) && !['csv', 'tsv'].includes(extension))
      return 'application/json';
  }
  const isCode = start.startsWith('#!') || code.includes(extension);
  const isData = isCode ? isTableInCode(text.slice(0, 16_384)) : ['csv', 'tsv', 'tab'].includes(extension);
  if (isCode && !isData) return 'text/x-code';
  if (extension === 'md') return 'text/markdown';
  const delimiter = detectDelimiter(bytes.subarray(0, 16_384), extension === 'tsv' ? '\t' : ',');
  if (isData || isTable(bytes)) return delimiter === '\t' ? 'text/tab-separated-values' : 'text/csv';
  return 'text/plain';
}

/** The type that the first bytes show. An office file is a zip here; its directory says the rest. */
export function sniffMediaType(bytes: Uint8Array, path: string): string {
  if (bytes.length === 0) return 'application/x-empty';
  for (const [type, magic, at = 0] of magics) {
    if (!startsWithBytes(bytes, magic, at)) continue;
    // Letters alone can begin a text as well: "MZ,1" or "BMI,n".
    if (typeof magic === 'string' || type === 'image/bmp')
      if (magic.length <= 4 && isText(bytes) && !/pdf|rtf|postscript/.test(type)) continue;
    return type;
  }
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 9) <= 5) return 'application/x-pickle';
  if (bytes.length > 9 && bytes[8] === 0x7b && bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0)
    return 'application/x-safetensors';
  if (isText(bytes)) {
    // The older pickles are text: their opcodes begin so, and a full stop ends them.
    if (/^(\(dp\d|\(lp\d|c[\w.]+\n[\w.]+\n|\(i[\w.]+\n)/.test(decodeLatin1(bytes.subarray(0, 200))))
      return 'application/x-pickle';
    return textType(bytes, path);
  }
  if (bytes[0] === 8 && (bytes[1] ?? 99) < 20 && extensionOf(path) === 'onnx') return 'application/onnx';
  return 'application/octet-stream';
}

/** The other type that a file's beginning has as well, as a page's script in a picture has. */
export function detectSecondType(bytes: Uint8Array, type: string): string | undefined {
  const start = bytes.subarray(0, 4096);
  if (type !== 'application/pdf' && findBytes(start.subarray(0, 1030), '%PDF-') >= 0) return 'a PDF';
  if (type.startsWith('image/') && type !== 'image/svg+xml') {
    const text = decodeLatin1(start).toLowerCase();
    if (/<script|<html|<\?php|<svg/.test(text)) return 'a web page';
    if (/#!\/(bin|usr)/.test(text)) return 'a script';
  }
  return undefined;
}
