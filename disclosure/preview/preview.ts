import { type ByteSource, memorySource } from '../byte-source.ts';
import { readHead, takeHead, UnreadableError } from '../bytes.ts';
import { detectOfficeType } from '../office.ts';
import { isText, sniffMediaType } from '../sniff.ts';
import { toUtf8Stream } from '../tables.ts';
import { readZipDirectory } from '../zip.ts';
import { decodeText, isUtf16 } from './encoding.ts';
import { renderHexDump } from './hex-dump.ts';
import { isRenderableImage, renderImage, UnrenderableError } from './image.ts';
import { type PageLimits, DEFAULT_PAGE_LIMITS as usual } from './limits.ts';
import { renderNotebook } from './notebook.ts';
import { type PagePart, type PageSubject, renderFilePage } from './page.ts';
import {
  type RenderInput,
  renderDocumentText,
  renderJson,
  renderModel,
  renderParquet,
  renderWorkbook,
} from './renderers.ts';
import { renderSvg } from './svg.ts';
import { renderTable } from './table.ts';
import { renderLines, renderText, splitPreviewLines } from './text.ts';

const tables = /^text\/(csv|tab-separated-values|tsv)\b/;
const looked = 64 * 1024;
/** The longest that a model's own description is. */
const header = 16 * 1024 ** 2 + 8;

const why: Record<string, string> = {
  'application/pdf': 'It is a PDF, which cannot be shown safely.',
};

const unfolded = 256 * 1024 ** 2;

/** A zip is a workbook, a document, or an archive that nobody can judge. */
async function office(given: RenderInput): Promise<PagePart[] | undefined> {
  const entries = await readZipDirectory(given.source);
  const type = detectOfficeType(entries);
  if (type === undefined) return undefined;
  if (entries.reduce((sum, { size }) => sum + size, 0) > unfolded)
    throw new UnreadableError(`it unpacks to more than ${unfolded / 1024 ** 2} MiB`);
  return type.endsWith('spreadsheetml.sheet') ? renderWorkbook(given, entries) : renderDocumentText(given, entries);
}

const readers: Record<string, (given: RenderInput) => Promise<PagePart[] | undefined>> = {
  'application/json': given => renderJson(given, false),
  'application/x-ndjson': given => renderJson(given, true),
  'application/x-ipynb+json': renderNotebook,
  'application/vnd.apache.parquet': renderParquet,
  'application/x-safetensors': renderModel,
  'application/zip': office,
};

/** The bytes of a file to be held, or undefined where they are too many. Of a model that is but its description. */
async function held(type: string, source: ByteSource, limits: PageLimits): Promise<Uint8Array | undefined> {
  if (type === 'application/x-safetensors') return readHead(source, header);
  const bytes = await readHead(source, limits.held + 1);
  return bytes.length > limits.held ? undefined : bytes;
}

/** What a file of some structure shows, or why it could not be followed. A fault of where its bytes come from is thrown. */
async function structured(
  type: string,
  { size, report }: PageSubject,
  source: ByteSource,
  limits: PageLimits,
): Promise<{ parts?: PagePart[] | undefined; why?: string }> {
  const reader = readers[type];
  if (!reader) return {};
  const bytes = await held(type, source, limits);
  if (!bytes) return { why: `It has more than ${limits.held / 1024 ** 2} MiB.` };
  try {
    return { parts: await reader({ source: memorySource(bytes), size: size ?? bytes.length, report, limits }) };
  } catch (error) {
    return { why: `It cannot be followed: ${error instanceof UnreadableError ? error.message : 'it is damaged'}.` };
  }
}

async function asText(
  type: string,
  file: PageSubject,
  source: ByteSource,
  limits: PageLimits,
  note: readonly string[],
): Promise<PagePart[]> {
  const { report } = file;
  const wide = isUtf16(await readHead(source, 2));
  const readText = () => (wide ? toUtf8Stream(source) : source.stream());
  const said: PagePart[] = wide
    ? [{ html: '<section><h2>It is UTF-16, not UTF-8; this is what it says</h2></section>', left: note }]
    : [{ html: '', left: note }];
  const named = /\.(tsv|tab)$/i.test(file.path) || /tab-separated|tsv/.test(file.type) ? '\t' : ',';
  if (tables.test(file.type) || tables.test(type) || /\.(csv|tsv|tab)$/i.test(file.path))
    return [...said, await renderTable(readText, report, limits, named)];
  const bytes = await takeHead(readText(), limits.text + 1);
  const whole = bytes.length <= limits.text;
  const shown = renderText(bytes.subarray(0, limits.text), whole, report, limits);
  if (type !== 'image/svg+xml' || !whole) return [...said, shown];
  try {
    const markup = decodeText(bytes, whole).text;
    // Written on one line its source could not be read.
    const apart = splitPreviewLines(markup.replaceAll('><', '>\n<'));
    const long = splitPreviewLines(markup).some(line => line.length > limits.line);
    const tags = long ? [renderLines('Its source, a tag a line', apart, { limits })] : [];
    return [...said, renderSvg(markup, limits, 'Drawing'), ...tags, shown];
  } catch (error) {
    if (!(error instanceof UnrenderableError)) throw error;
    return [...said, shown, { html: '', left: [`The drawing: ${error.message}`] }];
  }
}

async function picture(source: ByteSource, limits: PageLimits): Promise<PagePart> {
  const bytes = await readHead(source, limits.image + 1);
  if (bytes.length <= limits.image) return renderImage(bytes, limits);
  throw new UnrenderableError(`It is a picture of more than ${limits.image / 1024 ** 2} MiB.`);
}

/** The parts of a file's page, without the page around them. */
export async function renderParts(file: PageSubject, source: ByteSource, limits: PageLimits): Promise<PagePart[]> {
  const start = await readHead(source, looked);
  const refuse = (reason: string) => [renderHexDump(start, file.size, reason)];
  if (start.length === 0) return [renderHexDump(start, 0, 'The file is empty.')];
  const type = sniffMediaType(start, file.path);
  try {
    if (isRenderableImage(start)) return [await picture(source, limits)];
  } catch (error) {
    if (error instanceof UnrenderableError) return refuse(error.message);
    throw error;
  }
  const found = await structured(type, file, source, limits);
  if (found.parts) return found.parts;
  if (isText(start) && type !== 'application/pdf')
    return asText(type, file, source, limits, found.why === undefined ? [] : [found.why]);
  return refuse(found.why ?? why[type] ?? `It is ${file.type}, which is not rendered.`);
}

/**
 * A file as reviewers may safely see it: one HTML document in which nothing runs and which fetches nothing, with what the
 * checks found beside it and marked in it. Tables, workbooks, notebooks and text are shown as text, pictures redrawn;
 * anything else is a card with its first bytes. `truncated` says that not all is shown (the page says what is missing).
 *
 * Serve the page with `content-type: text/html;
 * charset=utf-8`, `x-content-type-options: nosniff`, the policy of style.ts plus `sandbox; frame-ancestors 'self'` as a
 * header, or inside `<iframe sandbox srcdoc>`.
 */
export async function renderPreview(
  file: PageSubject,
  source: ByteSource,
  limits: PageLimits = usual,
): Promise<{ html: string; truncated: boolean }> {
  const parts = await renderParts(file, source, limits);
  return { html: renderFilePage(file, parts), truncated: parts.some(({ left }) => left.length > 0) };
}
