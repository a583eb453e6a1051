import { crc32 } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import jpeg from 'jpeg-js';

/** These functions make the smallest possible file of each kind. */
const join = (...parts: (Uint8Array | number[])[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]));
const be32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

const chunk = (kind: string, content: Uint8Array): Uint8Array => {
  const body = join(strToU8(kind), content);
  return join(be32(content.length), body, be32(crc32(body)));
};
const dot = Uint8Array.from([0x78, 1, 1, 2, 0, 0xfd, 0xff, 0, 0, 0, 2, 0, 1]);

/** A PNG of one pixel with the given chunks before its data and bytes after its end. */
export const makePng = (chunks: readonly (readonly [string, string])[] = [], trailer = ''): Uint8Array =>
  join(
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    chunk('IHDR', Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])),
    ...chunks.map(([kind, content]) => chunk(kind, strToU8(content))),
    chunk('IDAT', dot),
    chunk('IEND', new Uint8Array(0)),
    strToU8(trailer),
  );

const segment = (marker: number, content: string) =>
  join([0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255], strToU8(content, true));
const noise = Uint8Array.from(
  { length: 32 * 32 * 4 },
  (_, index) => (Math.imul(index + 1, 2_654_435_761) >>> 13) & 255,
);
/** A JPEG of noise, which uses every value of its tables, with the given segments before its tables and bytes after its end. */
export const makeJpeg = (segments: readonly (readonly [number, string])[] = [], trailer = ''): Uint8Array => {
  const file = jpeg.encode({ data: noise, width: 32, height: 32 }, 80).data;
  return join(
    file.subarray(0, 20),
    ...segments.map(([marker, content]) => segment(marker, content)),
    file.subarray(20),
    strToU8(trailer),
  );
};

export const makeGif = (comment?: string, trailer = ''): Uint8Array =>
  join(
    strToU8('GIF89a'),
    [1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255],
    comment === undefined ? [] : join([0x21, 0xfe, comment.length], strToU8(comment), [0]),
    [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b],
    strToU8(trailer),
  );

export const makeWebp = (extra?: string): Uint8Array => {
  const part = (kind: string, content: string) => join(strToU8(kind), [content.length, 0, 0, 0], strToU8(content));
  const body = join(strToU8('WEBP'), part('VP8L', 'abcd'), extra === undefined ? [] : part(extra, 'abcd'));
  return join(strToU8('RIFF'), [body.length & 255, body.length >> 8, 0, 0], body);
};

const xml = '<?xml version="1.0" encoding="UTF-8"?>';
const relation = (id: string, kind: string, target: string, mode = '') =>
  `<Relationship Id="${id}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${kind}" Target="${target}"${mode}/>`;

/** A workbook with one sheet of text and numbers, and the parts that the test adds. */
export function makeXlsx(
  rows: readonly (readonly (string | number)[])[],
  {
    parts = {},
    state = '',
    sheet = '',
    cols = '',
  }: { parts?: Record<string, string>; state?: string; sheet?: string; cols?: string } = {},
): Uint8Array {
  const letters = 'ABCDEFGHIJ';
  const strings: string[] = [];
  const cell = (value: string | number, row: number, column: number) => {
    const reference = `r="${letters[column]}${row + 1}"`;
    if (typeof value === 'number') return `<c ${reference}><v>${value}</v></c>`;
    return `<c ${reference} t="s"><v>${strings.push(value) - 1}</v></c>`;
  };
  const data = rows.map(
    (row, rowIndex) =>
      `<row r="${rowIndex + 1}">${row.map((value, column) => cell(value, rowIndex, column)).join('')}</row>`,
  );
  return zipSync({
    '[Content_Types].xml': strToU8(`${xml}<Types/>`),
    'xl/workbook.xml': strToU8(
      `${xml}<workbook><sheets><sheet name="Results" sheetId="1"${state} r:id="rId1"/></sheets></workbook>`,
    ),
    'xl/_rels/workbook.xml.rels': strToU8(
      `${xml}<Relationships>${relation('rId1', 'worksheet', 'worksheets/sheet1.xml')}</Relationships>`,
    ),
    'xl/worksheets/sheet1.xml': strToU8(
      `${xml}<worksheet>${cols}<sheetData>${data.join('')}${sheet}</sheetData></worksheet>`,
    ),
    'xl/sharedStrings.xml': strToU8(`${xml}<sst>${strings.map(text => `<si><t>${text}</t></si>`).join('')}</sst>`),
    ...Object.fromEntries(Object.entries(parts).map(([name, content]) => [name, strToU8(content)])),
  });
}
export const externalLinkXml = relation('rId9', 'externalLink', 'https://example.com/x.xlsx', ' TargetMode="External"');

export const makeDocx = (body: string, parts: Record<string, string> = {}): Uint8Array =>
  zipSync({
    '[Content_Types].xml': strToU8(`${xml}<Types/>`),
    'word/document.xml': strToU8(`${xml}<w:document><w:body>${body}</w:body></w:document>`),
    ...Object.fromEntries(Object.entries(parts).map(([name, content]) => [name, strToU8(content)])),
  });

export const makePptx = (words: string): Uint8Array =>
  zipSync({
    '[Content_Types].xml': strToU8(`${xml}<Types/>`),
    'ppt/presentation.xml': strToU8(`${xml}<p:presentation><p:sldSz cx="9144000" cy="6858000"/></p:presentation>`),
    'ppt/slides/slide1.xml': strToU8(
      `${xml}<p:sld><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>${words}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>`,
    ),
  });

export function makeSafetensors(header: unknown, data = new Uint8Array(8)): Uint8Array {
  const text = strToU8(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return join(length, text, data);
}

export const makeNotebook = (cells: readonly unknown[], metadata: unknown = {}): string =>
  JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells });
