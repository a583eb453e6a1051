import type { ByteSource } from '../byte-source.ts';
import { readHead, UnreadableError } from '../bytes.ts';
import { formatNameOf } from '../formats.ts';
import { FORMAT_READERS } from '../readers.ts';
import { detectMediaType, isText } from '../sniff.ts';
import { readZipDirectory } from '../zip.ts';
import { CUT_MARK } from './escape.ts';
import { renderHexDump } from './hex-dump.ts';
import { UnrenderableError } from './image.ts';
import { type PageLimits, DEFAULT_PAGE_LIMITS as usual } from './limits.ts';
import { type PagePart, type PageSubject, renderFilePage } from './page.ts';
import { renderPlainText } from './renderers.ts';

/** Why a file that is none of the formats is not shown. */
async function explainRefusal(type: string, file: PageSubject, source: ByteSource): Promise<string> {
  if (type === 'application/pdf') return 'It is a PDF, which cannot be shown safely.';
  try {
    if (type === 'application/zip') await readZipDirectory(source);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return `It cannot be followed: ${error.message}.`;
  }
  return `It is ${file.type}, which is not rendered.`;
}

/** The parts of a file's page, without the page around them. */
export async function renderParts(file: PageSubject, source: ByteSource, limits: PageLimits): Promise<PagePart[]> {
  const start = await readHead(source, 64 * 1024);
  if (start.length === 0) return [renderHexDump(start, 0, 'The file is empty.')];
  const type = await detectMediaType(start, source, file.path);
  const name = formatNameOf(type);
  const input = { source, size: file.size ?? source.size, report: file.report, limits };
  const notes: string[] = [];
  try {
    if (name) return await FORMAT_READERS[name].render(input);
  } catch (error) {
    if (!(error instanceof UnrenderableError)) throw error;
    notes.push(error.message);
  }
  if (isText(start) && type !== 'application/pdf')
    return [{ html: '', omissions: notes }, ...(await renderPlainText(input))];
  return [renderHexDump(start, file.size, notes[0] ?? (await explainRefusal(type, file, source)))];
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
): Promise<{ html: string; truncated: boolean; omissions: string[] }> {
  const parts = await renderParts(file, source, limits);
  const truncated = parts.some(({ html, omissions }) => omissions.length > 0 || html.includes(CUT_MARK));
  return { html: renderFilePage(file, parts), truncated, omissions: parts.flatMap(({ omissions }) => omissions) };
}
