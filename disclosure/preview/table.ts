import { takeHead } from '../bytes.ts';
import { CsvScanner, cellText, detectDelimiter } from '../csv.ts';
import { CELL_BITS } from '../csv-tokenizer.ts';
import type { FileReport } from '../report.ts';
import { decodeText } from './encoding.ts';
import { pluralise, truncateText } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { type CellExcerpt, PreviewSheet } from './sheet.ts';

/**
 * A table's first rows and columns as text, and wherever they are the flagged ones with their neighbours. Read by the
 * scanner that the checks use, so that a row here is the row that they mean. `readText` gives the text from its beginning.
 */
export async function renderTable(
  readText: () => AsyncIterable<Uint8Array>,
  report: FileReport | undefined,
  limits: PageLimits,
  preferred: string,
): Promise<PagePart> {
  const sheet = new PreviewSheet(report, limits);
  let [read, whole, foreign] = [0, true, 0];
  // Only what is shown is decoded: a string cut from a longer one would keep all of that in memory.
  const begin = (work: Uint8Array, cellStart: number, end: number, mask: number): CellExcerpt => {
    const start = moveToCharacter(work, cellStart, end, limits.start.character);
    const last = Math.min(end, start + 4 * limits.cell);
    const { text: decodedText, encoding } = decodeText(work.subarray(start, last), last === end);
    if (encoding) foreign++;
    const cellContent = !encoding
      ? cellText(work, start, last, mask)
      : mask & CELL_BITS.escaped
        ? decodedText.replaceAll('""', '"')
        : decodedText;
    const { text } = truncateText(cellContent, limits.cell);
    const rest = end - start <= limits.cell ? 0 : end - start - (encoding ? text.length : Buffer.byteLength(text));
    return { text, remainingBytes: Math.max(0, rest) };
  };
  const scanner = new CsvScanner(
    ({ bytes, rows, first, cellStarts, cellEnds, masks, numbers }) => {
      for (let row = 0; row < rows; row++) {
        const [rowStart = 0, rowEnd = 0] = first.subarray(row, row + 2);
        sheet.row(numbers[row] ?? 0, rowEnd - rowStart, index =>
          begin(
            bytes,
            cellStarts[rowStart + index] ?? 0,
            cellEnds[rowStart + index] ?? 0,
            masks[rowStart + index] ?? 0,
          ),
        );
      }
    },
    detectDelimiter(await takeHead(readText(), 1 << 16), preferred).charCodeAt(0),
  );
  for await (const chunk of readText()) {
    read += chunk.length;
    scanner.push(chunk);
    if (scanner.wrong !== undefined || read > limits.bytes) {
      whole = false;
      break;
    }
  }
  if (whole) scanner.end();
  const wrong = scanner.wrong ? `The rest: ${scanner.wrong}.` : 'All after the first megabytes of the file.';
  const note = foreign > 0 ? `: ${pluralise(foreign, 'cell')} not in UTF-8, read as Windows-1252` : '';
  return sheet.part(`Table${note}`, limits.html, whole ? [] : [wrong]);
}

/** As many bytes on as characters are passed over, and back to where a character begins: rather twice than never. */
function moveToCharacter(work: Uint8Array, start: number, end: number, character: number): number {
  let offset = Math.min(end, start + character - 1);
  for (let back = 0; back < 3 && offset > start && offset < end && ((work[offset] as number) & 0xc0) === 0x80; back++)
    offset--;
  return offset;
}
