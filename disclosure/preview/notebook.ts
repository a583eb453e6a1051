import { all } from '../bytes.ts';
import { parseJson } from '../json.ts';
import { htmlTables } from '../markup.ts';
import { joined, record } from '../notebook.ts';
import { linesOfText } from '../tables.ts';
import { short } from './escape.ts';
import { image, NotShown } from './image.ts';
import type { Part } from './page.ts';
import { type Given, NO_ROWS } from './renderers.ts';
import { type Flag, findingFlags, Sheet } from './sheet.ts';
import { Room } from './size-budget.ts';
import { svg } from './svg.ts';
import { lines } from './text.ts';

/** A notebook cell by cell: code and text as text, what they put out as what it is. */
export async function notebook({ source, report, limits }: Given): Promise<Part[]> {
  const { cells } = record(parseJson(await all(source.stream(), limits.held)));
  const room = new Room(limits);
  const found = findingFlags(report);
  // The checks number the lines of a notebook through, in this order.
  let before = 0;
  const written = (title: string, value: unknown) => {
    const text = linesOfText(joined(value));
    const from = before;
    before += text.length;
    if (joined(value) === '') return;
    const flag = (line: number): Flag | undefined => found.get(`${from + line}:1`);
    room.add(left => lines(title, text, { limits, room: left, flag }));
  };
  const drawn = (title: string, draw: (left: number) => Part) =>
    room.add(left => {
      try {
        return draw(left);
      } catch (error) {
        if (!(error instanceof NotShown)) throw error;
        return { html: '', left: [`${title}: ${error.message}`] };
      }
    });
  const shown = (title: string, type: string, content: unknown, cell: number) => {
    if (type === 'image/png' || type === 'image/jpeg')
      return drawn(title, left =>
        image(Buffer.from(joined(content), 'base64'), { ...limits, html: Math.max(left, 100_000) }, title),
      );
    if (type === 'image/svg+xml') return drawn(title, left => svg(joined(content), { ...limits, html: left }, title));
    if (type === 'text/html')
      htmlTables(joined(content), () => {
        if (room.full) return NO_ROWS;
        const sheet = new Sheet(report, limits, `cell ${cell}`);
        return {
          ...sheet.rows(),
          end: () => room.add(left => sheet.part(`${title}, a table`, left)),
        };
      });
    const source = typeof content === 'string' || Array.isArray(content) ? content : JSON.stringify(content, null, 1);
    // Of pages and scripts the checks count no lines.
    if (type === 'text/html' || type === 'application/javascript')
      return room.add(left => lines(`${title}, as it is written`, linesOfText(joined(source)), { limits, room: left }));
    return written(title, source);
  };
  for (const [index, each] of (Array.isArray(cells) ? cells : []).entries()) {
    const cell = record(each);
    const name = `Cell ${index + 1}`;
    written(`${name}, ${short(String(cell.cell_type ?? 'cell'), 20)}`, cell.source);
    for (const [file, of] of Object.entries(record(cell.attachments)))
      for (const [type, content] of Object.entries(record(of)))
        if (type.startsWith('image/'))
          drawn(`${name}, attached ${short(file, 60)}`, left =>
            image(Buffer.from(joined(content), 'base64'), { ...limits, html: Math.max(left, 100_000) }, name),
          );
    for (const one of Array.isArray(cell.outputs) ? cell.outputs : []) {
      const output = record(one);
      written(`${name}, put out`, output.text);
      written(`${name}, an error`, output.traceback);
      for (const [type, content] of Object.entries(record(output.data)))
        shown(`${name}, put out as ${short(type, 60)}`, type, content, index + 1);
    }
  }
  return room.all();
}
