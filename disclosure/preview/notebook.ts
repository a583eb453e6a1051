import { readWhole } from '../bytes.ts';
import { parseJson } from '../formats/json.ts';
import { asRecord, describeRest, joinLines, SHOWN_KEYS, showsAsText } from '../formats/notebook.ts';
import { readHtmlTables } from '../markup.ts';
import { splitTextLines } from '../text.ts';
import { toShortHtml } from './escape.ts';
import { renderImage, UnrenderableError } from './image.ts';
import type { PagePart } from './page.ts';
import { type CellFlag, flagCells, PreviewSheet } from './sheet.ts';
import { SizeBudget } from './size-budget.ts';
import { NO_ROWS, type RenderInput } from './structured.ts';
import { renderSvg } from './svg.ts';
import { renderLines } from './text.ts';

/** A notebook cell by cell: code and text as text, what they put out as what it is. */
export async function renderNotebook({ source, report, limits }: RenderInput): Promise<PagePart[]> {
  const notebook = parseJson(await readWhole(source.stream(), limits.held));
  const { cells } = asRecord(notebook);
  const room = new SizeBudget(limits);
  const flags = flagCells(report);
  // The checks number the lines of a notebook through, in this order.
  let lineCount = 0;
  const addText = (title: string, value: unknown) => {
    const text = splitTextLines(joinLines(value));
    const firstLine = lineCount;
    lineCount += text.length;
    if (joinLines(value) === '') return;
    const flag = (line: number): CellFlag | undefined => flags.get(`${firstLine + line}:1`);
    room.add(space => renderLines(title, text, { limits, room: space, flag }));
  };
  const addRest = (title: string, value: unknown, keys: readonly string[]) => {
    const description = describeRest(value, ...keys);
    if (description !== '') addText(title, description);
  };
  const addDrawing = (title: string, draw: (space: number) => PagePart) =>
    room.add(space => {
      try {
        return draw(space);
      } catch (error) {
        if (!(error instanceof UnrenderableError)) throw error;
        return { html: '', omissions: [`${title}: ${error.message}`] };
      }
    });
  const addOutput = (title: string, type: string, content: unknown, cell: number) => {
    if (type === 'image/png' || type === 'image/jpeg')
      return addDrawing(title, space =>
        renderImage(Buffer.from(joinLines(content), 'base64'), { ...limits, html: Math.max(space, 100_000) }, title),
      );
    if (type === 'image/svg+xml')
      return addDrawing(title, space => renderSvg(joinLines(content), { ...limits, html: space }, title));
    if (type === 'text/html')
      readHtmlTables(joinLines(content), () => {
        if (room.full) return NO_ROWS;
        const sheet = new PreviewSheet(report, limits, `cell ${cell}`);
        return {
          ...sheet.rows(),
          end: () => room.add(space => sheet.part(`${title}, a table`, space)),
        };
      });
    const source = showsAsText(type, content) ? content : JSON.stringify(content, null, 1);
    // Of pages and scripts the checks count no lines.
    if (type === 'text/html' || type === 'application/javascript')
      return room.add(space =>
        renderLines(`${title}, as it is written`, splitTextLines(joinLines(source)), { limits, room: space }),
      );
    return addText(title, source);
  };
  addRest('What it says of itself', notebook, SHOWN_KEYS.notebook);
  for (const [index, entry] of (Array.isArray(cells) ? cells : []).entries()) {
    const cell = asRecord(entry);
    const name = `Cell ${index + 1}`;
    addRest(`${name}, what it says of itself`, entry, SHOWN_KEYS.cell);
    const run = typeof cell.execution_count === 'number' ? `, run ${cell.execution_count}` : '';
    addText(`${name}, ${toShortHtml(String(cell.cell_type ?? 'cell'), 20)}${run}`, cell.source);
    for (const [file, contents] of Object.entries(asRecord(cell.attachments)))
      for (const [type, content] of Object.entries(asRecord(contents)))
        if (type.startsWith('image/'))
          addDrawing(`${name}, attached ${toShortHtml(file, 60)}`, space =>
            renderImage(Buffer.from(joinLines(content), 'base64'), { ...limits, html: Math.max(space, 100_000) }, name),
          );
    for (const entry of Array.isArray(cell.outputs) ? cell.outputs : []) {
      const output = asRecord(entry);
      addRest(`${name}, what its output says of itself`, entry, SHOWN_KEYS.output);
      addText(`${name}, put out`, output.text);
      addText(`${name}, an error`, output.traceback);
      for (const [type, content] of Object.entries(asRecord(output.data)))
        addOutput(`${name}, put out as ${toShortHtml(type, 60)}`, type, content, index + 1);
    }
  }
  return room.all();
}
