import { readWhole } from '../bytes.ts';
import { parseJson } from '../formats/json.ts';
import { asRecord, joinLines } from '../formats/notebook.ts';
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
  const { cells } = asRecord(parseJson(await readWhole(source.stream(), limits.held)));
  const room = new SizeBudget(limits);
  const found = flagCells(report);
  // The checks number the lines of a notebook through, in this order.
  let before = 0;
  const written = (title: string, value: unknown) => {
    const text = splitTextLines(joinLines(value));
    const from = before;
    before += text.length;
    if (joinLines(value) === '') return;
    const flag = (line: number): CellFlag | undefined => found.get(`${from + line}:1`);
    room.add(left => renderLines(title, text, { limits, room: left, flag }));
  };
  const drawn = (title: string, draw: (left: number) => PagePart) =>
    room.add(left => {
      try {
        return draw(left);
      } catch (error) {
        if (!(error instanceof UnrenderableError)) throw error;
        return { html: '', left: [`${title}: ${error.message}`] };
      }
    });
  const shown = (title: string, type: string, content: unknown, cell: number) => {
    if (type === 'image/png' || type === 'image/jpeg')
      return drawn(title, left =>
        renderImage(Buffer.from(joinLines(content), 'base64'), { ...limits, html: Math.max(left, 100_000) }, title),
      );
    if (type === 'image/svg+xml')
      return drawn(title, left => renderSvg(joinLines(content), { ...limits, html: left }, title));
    if (type === 'text/html')
      readHtmlTables(joinLines(content), () => {
        if (room.full) return NO_ROWS;
        const sheet = new PreviewSheet(report, limits, `cell ${cell}`);
        return {
          ...sheet.rows(),
          end: () => room.add(left => sheet.part(`${title}, a table`, left)),
        };
      });
    const source = typeof content === 'string' || Array.isArray(content) ? content : JSON.stringify(content, null, 1);
    // Of pages and scripts the checks count no lines.
    if (type === 'text/html' || type === 'application/javascript')
      return room.add(left =>
        renderLines(`${title}, as it is written`, splitTextLines(joinLines(source)), { limits, room: left }),
      );
    return written(title, source);
  };
  for (const [index, each] of (Array.isArray(cells) ? cells : []).entries()) {
    const cell = asRecord(each);
    const name = `Cell ${index + 1}`;
    written(`${name}, ${toShortHtml(String(cell.cell_type ?? 'cell'), 20)}`, cell.source);
    for (const [file, of] of Object.entries(asRecord(cell.attachments)))
      for (const [type, content] of Object.entries(asRecord(of)))
        if (type.startsWith('image/'))
          drawn(`${name}, attached ${toShortHtml(file, 60)}`, left =>
            renderImage(Buffer.from(joinLines(content), 'base64'), { ...limits, html: Math.max(left, 100_000) }, name),
          );
    for (const one of Array.isArray(cell.outputs) ? cell.outputs : []) {
      const output = asRecord(one);
      written(`${name}, put out`, output.text);
      written(`${name}, an error`, output.traceback);
      for (const [type, content] of Object.entries(asRecord(output.data)))
        shown(`${name}, put out as ${toShortHtml(type, 60)}`, type, content, index + 1);
    }
  }
  return room.all();
}
