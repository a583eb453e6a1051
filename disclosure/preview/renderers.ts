import { memorySource } from '../byte-source.ts';
import { readHead, UnreadableError } from '../bytes.ts';
import { toUtf8Stream } from '../text.ts';
import { readZipDirectory, type ZipEntry } from '../zip.ts';
import { decodeText, isUtf16 } from './encoding.ts';
import { renderImage, UnrenderableError } from './image.ts';
import type { PagePart } from './page.ts';
import type { RenderInput } from './structured.ts';
import { renderSvg } from './svg.ts';
import { renderTable } from './table.ts';
import { renderLines, renderText, splitPreviewLines, takeLines } from './text.ts';

/** Shows a file of one format; throws UnrenderableError where it cannot. */
export type Renderer = (input: RenderInput) => Promise<PagePart[]>;

const longestUnpacked = 256 * 1024 ** 2;

/** Holds a file in memory to show it; of a model, only its description. */
export const holdFile =
  (render: Renderer, header?: number): Renderer =>
  async input => {
    const { held: maxBytes } = input.limits;
    const bytes = await readHead(input.source, header ?? maxBytes + 1);
    if (header === undefined && bytes.length > maxBytes)
      throw new UnrenderableError(`It has more than ${maxBytes / 1024 ** 2} MiB.`);
    try {
      return await render({ ...input, source: memorySource(bytes) });
    } catch (error) {
      throw new UnrenderableError(
        `It cannot be followed: ${error instanceof UnreadableError ? error.message : 'it is damaged'}.`,
      );
    }
  };

/** Shows an office file, whose parts are listed first. */
export const holdOffice = (
  render: (input: RenderInput, entries: readonly ZipEntry[]) => Promise<PagePart[]>,
): Renderer =>
  holdFile(async input => {
    const entries = await readZipDirectory(input.source);
    if (entries.reduce((sum, { size }) => sum + size, 0) > longestUnpacked)
      throw new UnreadableError(`it unpacks to more than ${longestUnpacked / 1024 ** 2} MiB`);
    return render(input, entries);
  });

export const renderPicture: Renderer = async ({ source, limits }) => {
  const bytes = await readHead(source, limits.image + 1);
  if (bytes.length <= limits.image) return [renderImage(bytes, limits)];
  throw new UnrenderableError(`It is a picture of more than ${limits.image / 1024 ** 2} MiB.`);
};

/** Names the encoding of a text that is decoded to be shown. */
const encodingPart = async ({ source }: RenderInput): Promise<PagePart[]> =>
  isUtf16(await readHead(source, 2))
    ? [{ html: '<section><h2>It is UTF-16, not UTF-8; this is what it says</h2></section>', omissions: [] }]
    : [];

/** Shows a table whose cells are usually divided by `delimiter`. */
export const createTableRenderer =
  (delimiter: string): Renderer =>
  async input => [
    ...(await encodingPart(input)),
    await renderTable(() => toUtf8Stream(input.source), input.report, input.limits, delimiter),
  ];

/** Shows any text line by line, and a drawing before its source. */
export const createTextRenderer =
  (isDrawing: boolean): Renderer =>
  async input => {
    const { source, report, limits } = input;
    const window = await takeLines(toUtf8Stream(source), limits);
    const { bytes, whole } = window;
    const isDrawn = isDrawing && whole && limits.start.row === 1;
    const drawingParts = isDrawn ? drawing(decodeText(bytes, whole).text, input) : [];
    return [...(await encodingPart(input)), ...drawingParts, renderText(window, report, limits)];
  };

function drawing(markup: string, { limits }: RenderInput): PagePart[] {
  try {
    // Written on one line its source could not be read.
    const tagLines = splitPreviewLines(markup.replaceAll('><', '>\n<'));
    const long = splitPreviewLines(markup).some(line => line.length > limits.line);
    const tags = long ? [renderLines('Its source, a tag a line', tagLines, { limits })] : [];
    return [renderSvg(markup, limits, 'Drawing'), ...tags];
  } catch (error) {
    if (!(error instanceof UnrenderableError)) throw error;
    return [{ html: '', omissions: [`The drawing: ${error.message}`] }];
  }
}

export const renderPlainText = createTextRenderer(false);
