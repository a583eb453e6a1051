import { strToU8, zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { encodePng } from '../../../disclosure/preview/png.ts';
import { makeDocx, makeNotebook, makeSafetensors, makeXlsx } from '../builders.ts';

// Files of the kinds that have a structure, each with places for text of somebody's choosing.

const pixel = encodePng({ width: 2, height: 2, data: new Uint8Array(16).fill(200) });

/** A workbook of two sheets, the second one hidden, with formulas and a value for one of them. */
export const makeWorkbookWithText = (text: string): Uint8Array =>
  makeXlsx(
    [
      ['group', 'n'],
      [text.replace(/[<&>"]/g, sign => `&#${sign.charCodeAt(0)};`), 3],
    ],
    {
      sheet:
        '<row r="3"><c r="A3"><f>HYPERLINK(&quot;http://x&quot;)</f></c><c r="B3"><f>SUM(B2:B2)</f><v>3</v></c></row>',
      parts: {
        'xl/workbook.xml':
          '<workbook><sheets><sheet name="Results" r:id="rId1"/><sheet name="Secret &lt;b&gt;" state="hidden" r:id="rId2"/></sheets></workbook>',
        'xl/_rels/workbook.xml.rels':
          '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="worksheets/sheet2.xml"/></Relationships>',
        'xl/worksheets/sheet2.xml':
          '<worksheet><cols><col min="1" hidden="1"/></cols><sheetData><row r="1"><c r="A1"><v>42</v></c></row></sheetData></worksheet>',
      },
    },
  );

export const makeParquetWithText = (text: string): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'group', data: [text, 'b'], type: 'STRING' },
        { name: 'n', data: [3, 40], type: 'INT32' },
      ],
      kvMetadata: [{ key: 'pandas', value: text }],
    }),
  );

export const makeNotebookWithText = (text: string): string =>
  makeNotebook([
    {
      cell_type: 'markdown',
      source: ['# Counts\n', text],
      attachments: { 'a.png': { 'image/png': pixel.toString('base64') } },
    },
    {
      cell_type: 'code',
      source: 'df.groupby("sex").size()',
      outputs: [
        { output_type: 'stream', text: [text] },
        {
          data: {
            'text/html': [`<table><tr><th>group</th><th>n</th></tr><tr><td>a</td><td>3</td></tr></table>${text}`],
            'application/javascript': text,
          },
        },
        { data: { 'image/png': pixel.toString('base64') } },
        { data: { 'image/png': Buffer.from(text).toString('base64') } },
        { data: { 'image/svg+xml': makeDrawingWithMarkup(text) } },
        { data: { 'application/json': { text } } },
        { ename: 'E', traceback: [text] },
      ],
    },
  ]);

export const makeModelWithText = (text: string): Uint8Array =>
  makeSafetensors({
    __metadata__: { format: 'pt', said: text },
    [text]: { dtype: 'F32', shape: [2, 1], data_offsets: [0, 8] },
  });

export const makeJsonWithText = (text: string): string =>
  JSON.stringify({
    rows: [
      { group: text, n: 3 },
      { group: 'b', n: 40 },
    ],
  });

export const makeDocumentWithText = (text: string): Uint8Array =>
  makeDocx(
    `<w:p><w:r><w:t>${text.replace(/[<&>]/g, sign => `&#${sign.charCodeAt(0)};`)}</w:t></w:r></w:p><w:p>Second</w:p>`,
  );

/** A drawing as programs export them, with whatever markup beside it. */
export const makeDrawingWithMarkup = (markup: string): string =>
  `<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="300" height="120" viewBox="0 0 300 120"><defs><style type="text/css">*{stroke-linejoin:round} .bar{fill:#1f5fa8}</style><path id="m" d="M0 0h8v8h-8z" style="stroke: #b3261e"/><clipPath id="c"><rect width="300" height="120"/></clipPath></defs><g clip-path="url(#c)"><rect class="bar" x="20" y="40" width="40" height="70"/><rect class="bar" x="80" y="20" width="40" height="90"/><use xlink:href="#m" x="150" y="50"/><text x="20" y="15" style="font-size:12px">Counts by group</text></g>${markup}</svg>`;

export const makeArchiveWithText = (text: string): Uint8Array => zipSync({ 'a.csv': strToU8(text) });
