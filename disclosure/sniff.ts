import type { ByteSource } from './byte-source.ts';
import { decodeLatin1, findBytes, startsWithBytes, UnreadableError } from './bytes.ts';
import { countRecordCells, detectDelimiter } from './csv.ts';
import { isTableInCode } from './delimited-text.ts';
import { CODE_EXTENSIONS, extensionOf } from './file.ts';
import type { Magic } from './format.ts';
import { FORMAT_NAMES, FORMATS, type FormatName, formatNameOf } from './formats.ts';
import { REFUSED_FORMATS } from './refused-formats.ts';
import { readZipDirectory, type ZipEntry } from './zip.ts';

const extensionsOf = (type: string): readonly string[] => {
  const name = formatNameOf(type);
  return (name ? FORMATS[name] : REFUSED_FORMATS[type])?.extensions ?? [];
};
const knownExtensions = new Set(
  [...Object.values(FORMATS), ...Object.values(REFUSED_FORMATS)].flatMap(({ extensions = [] }) => extensions),
);

/** Whether a name promises another type than the bytes show. A name without a known extension promises nothing. */
export function contradictsExtension(path: string, type: string): boolean {
  const extension = extensionOf(path);
  return knownExtensions.has(extension) && !extensionsOf(type).includes(extension);
}

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

/**
 * The format of a text by its beginning; undefined for XML that is none of them. The name helps only between kinds of text,
 * where a wrong one does no harm.
 */
function textFormat(bytes: Uint8Array, path: string): FormatName | undefined {
  const extension = extensionOf(path);
  const text = new TextDecoder().decode(bytes).replace(/^\ufeff/, '');
  const start = text.trimStart().slice(0, 4096);
  const markup = withoutComments(start.toLowerCase());
  if (
    /^(<\?xml[^>]*>\s*)?(<!doctype svg[^>]*>\s*)?<svg[\s>]/.test(markup) ||
    (extension === 'svg' && markup.includes('<svg'))
  )
    return 'svg';
  if (/^(<!doctype html|<html|<head|<body|<script|<iframe)/.test(markup)) return 'html';
  if (start.startsWith('<?xml')) return undefined;
  // In code and Markdown a bracket begins other things, unless a string with a colon follows.
  if (
    /^[{[]/.test(start) &&
    (!['md', ...CODE_EXTENSIONS].includes(extension) || /^(\[\s*)?\{\s*"[^"\n]*"\s*:/.test(start))
  ) {
    const record = /^\{/.test(start);
    if (record && (extension === 'ipynb' || (/"nbformat"\s*:/.test(text) && /"cells"\s*:/.test(text))))
      return 'notebook';
    const lines = start.split('\n', 3);
    if (record && lines.length > 1 && lines.slice(0, 2).every(line => /^\{.*\}\s*$/.test(line))) return 'ndjson';
    if (/^(\{\s*("|\})|\[\s*([{["\d\-\]]|true|false|null))/.test(start) && !['csv', 'tsv'].includes(extension))
      return 'json';
  }
  const isCode = start.startsWith('#!') || CODE_EXTENSIONS.includes(extension);
  const isData = isCode ? isTableInCode(text.slice(0, 16_384)) : ['csv', 'tsv', 'tab'].includes(extension);
  if (isCode && !isData) return 'code';
  if (extension === 'md') return 'markdown';
  const delimiter = detectDelimiter(bytes.subarray(0, 16_384), extension === 'tsv' ? '\t' : ',');
  if (isData || isTable(bytes)) return delimiter === '\t' ? 'tsv' : 'csv';
  return 'text';
}

const hasMagic = (bytes: Uint8Array, magic: Magic): boolean =>
  'hex' in magic
    ? startsWithBytes(bytes, Buffer.from(magic.hex, 'hex'), magic.at)
    : // Few letters can begin a text as well: "MZ,1" or "BMI,n".
      startsWithBytes(bytes, magic.letters, magic.at) && !(magic.letters.length <= 4 && isText(bytes));

/** The type that the first bytes show. An office file is a zip here: `detectMediaType` looks into it. */
export function sniffMediaType(bytes: Uint8Array, path: string): string {
  if (bytes.length === 0) return 'application/x-empty';
  // What is refused comes first: nothing passes that can be read as it as well.
  for (const [type, { magic }] of Object.entries(REFUSED_FORMATS))
    if (magic.some(candidate => hasMagic(bytes, candidate))) return type;
  for (const name of FORMAT_NAMES) {
    const { magic } = FORMATS[name];
    if (magic && hasMagic(bytes, magic)) return FORMATS[name].type;
  }
  if (isText(bytes)) {
    // The older pickles are text: their opcodes begin so, and a full stop ends them.
    if (/^(\(dp\d|\(lp\d|c[\w.]+\n[\w.]+\n|\(i[\w.]+\n)/.test(decodeLatin1(bytes.subarray(0, 200))))
      return 'application/x-pickle';
    const name = textFormat(bytes, path);
    return name ? FORMATS[name].type : 'application/xml';
  }
  if (bytes[0] === 8 && (bytes[1] ?? 99) < 20 && extensionOf(path) === 'onnx') return 'application/onnx';
  return 'application/octet-stream';
}

/** The type of a zip by the names in it: an office file by the part that it is about, a model by its pickles. */
function zipType(entries: readonly ZipEntry[]): string {
  const names = entries.map(({ name }) => name);
  const parts = new Set(names.map(name => name.toLowerCase()));
  const office = FORMAT_NAMES.find(name => parts.has(FORMATS[name].part ?? ''));
  if (office && parts.has('[content_types].xml')) return FORMATS[office].type;
  if (names.some(name => /\.pkl$/.test(name))) return 'application/x-pickle';
  return names.length > 0 && names.every(name => name.endsWith('.npy')) ? 'application/x-npy' : 'application/zip';
}

/** The type of the bytes; a zip is looked into, as an office file and a model are zips too. */
export async function detectMediaType(head: Uint8Array, source: ByteSource, path: string): Promise<string> {
  const type = sniffMediaType(head, path);
  if (type !== 'application/zip') return type;
  try {
    return zipType(await readZipDirectory(source));
  } catch (error) {
    if (error instanceof UnreadableError) return type;
    throw error;
  }
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
