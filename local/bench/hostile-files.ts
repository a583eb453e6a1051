import { deflateSync, strToU8, zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';

/** A file of about `size` bytes that is as expensive to check as its format allows. */
export interface HostileFile {
  readonly path: string;
  readonly make: (size: number) => Uint8Array;
  /** Its smaller size, where the usual one takes no time that can be measured. */
  readonly size?: number;
}

const fill = (unit: string, size: number) => unit.repeat(Math.max(1, Math.floor(size / unit.length)));
const lines = (size: number, length: number, line: (index: number) => string) =>
  Array.from({ length: Math.floor(size / length) }, (_, index) => line(index)).join('\n');
const text = (path: string, make: (size: number) => string, size?: number): HostileFile => ({
  path,
  make: bytes => strToU8(make(bytes)),
  ...(size === undefined ? {} : { size }),
});

const workbookParts = (sheets: number) => ({
  '[Content_Types].xml': strToU8('<Types/>'),
  'xl/workbook.xml': strToU8(
    `<workbook><sheets>${Array.from({ length: sheets }, (_, index) => `<sheet name="s${index}" sheetId="${index + 1}" r:id="r${index}"/>`).join('')}</sheets></workbook>`,
  ),
  'xl/_rels/workbook.xml.rels': strToU8(
    `<Relationships>${Array.from({ length: sheets }, (_, index) => `<Relationship Id="r${index}" Target="worksheets/sheet${index}.xml"/>`).join('')}</Relationships>`,
  ),
});
/** Stored, not packed: the size of the file is the size of what is read. */
const store = (parts: Record<string, Uint8Array>) => zipSync(parts, { level: 0 });
const workbook = (sheet: string, strings?: string) =>
  store({
    ...workbookParts(1),
    'xl/worksheets/sheet0.xml': strToU8(sheet),
    ...(strings === undefined ? {} : { 'xl/sharedStrings.xml': strToU8(strings) }),
  });
const sheet = (rows: string) => `<worksheet><sheetData>${rows}</sheetData></worksheet>`;
const document = (body: string) =>
  store({
    '[Content_Types].xml': strToU8('<Types/>'),
    'word/document.xml': strToU8(`<w:document><w:body>${body}</w:body></w:document>`),
  });
const notebook = (cells: string) => `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[${cells}]}`;

function png(chunk: string, size: number): Uint8Array {
  const part = (kind: string, content: Uint8Array) => {
    const bytes = new Uint8Array(12 + content.length);
    new DataView(bytes.buffer).setUint32(0, content.length);
    bytes.set(strToU8(kind), 4);
    bytes.set(content, 8);
    return bytes;
  };
  const count = Math.floor(size / (12 + chunk.length));
  return Buffer.concat([
    Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    part('IHDR', Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])),
    ...Array.from({ length: count }, () => part('tEXt', strToU8(chunk))),
    part('IDAT', deflateSync(new Uint8Array(2))),
    part('IEND', new Uint8Array(0)),
  ]);
}

const distinctKeys = (size: number) => {
  // Every record has a key of its own: the table is as wide as it is long.
  const count = Math.floor(size / 20);
  return Array.from({ length: count }, (_, index) => `{"key${100_000 + index}":${index}}`);
};

/** The dearest files that are known, by format and by what makes them dear. */
export const HOSTILE_FILES: Readonly<Record<string, HostileFile>> = {
  csv_open_quote: text('t.csv', size => `a,b\n"${fill('x', size)}`),
  csv_wide: text('t.csv', size => `${fill('a,', 30_000)}b\n${fill('1,', size)}`.slice(0, size)),
  csv_labels: text('t.csv', size => `area,n\n${lines(size, 14, index => `area${index},${100 + (index % 900)}`)}`),
  tsv_commas: text('t.tsv', size => `a\tb\n${fill('1.234.567.890,1\t', size)}`),
  text_spaces: text('t.txt', size => fill(`a${' '.repeat(900)}b `, size)),
  text_one_line: text('t.txt', size => fill('4  a ', size)),
  text_commas: text('t.txt', size => lines(size, 40, index => `a,${index},b,${index},c,(((((((((((((((`)),
  text_identifiers: text('t.txt', size => fill('a.b.c.d.e.f@g.h.', size)),
  markdown_pipes: text('t.md', size => lines(size, 200, () => fill('| ', 199))),
  markdown_tags: text('t.md', size => `<table><tr><td>${fill('<a\nb\n', size)}`),
  markdown_open_tag: text('t.md', size => `<table>${lines(size, 2, index => (index % 2000 ? 'b' : '<a'))}`),
  latex_braces: text('t.tex', size => `\\begin{tabular}{ll}\n${fill('\\multicolumn {{{{{ & ', size)}`),
  latex_lines: text('t.tex', size => `\\begin{tabular}{ll}\n${fill('a & \\hline[ \n', size)}`),
  code_calls: text('t.py', size => fill('f(((((((1,2), [1,2,3', size)),
  html_nested: text('t.html', size => fill('<table><tr><td>4', size)),
  html_attributes: text('t.html', size => `<table>${fill('<td a="', size)}`),
  html_quotes: text('t.html', size => `<table><tr>${fill(`<td colspan=2 a='"`, size)}`),
  json_keys: text('t.json', size => `[${distinctKeys(size).join(',')}]`),
  json_columns: text('t.json', size => {
    const count = Math.floor(size / 30);
    return `{${Array.from({ length: count }, (_, index) => `"c${index}":{"row${index}":${index}}`).join(',')}}`;
  }),
  json_ragged: text('t.json', size => {
    const values = Array.from({ length: Math.floor(size / 4) }, (_, index) => index % 10);
    const short = Array.from({ length: Math.floor(size / 20) }, (_, index) => `"c${index}":[1]`);
    return `{"a":[${values.join(',')}],${short.join(',')}}`;
  }),
  json_nested: text('t.json', size => {
    const inner = `"${fill('x', size)}"`;
    return `${'[{"a":1,"b":'.repeat(25)}${inner}${'}]'.repeat(25)}`;
  }),
  json_tables: text('t.json', size => `[${fill('[[1,2],[3,4]],', size)}0]`),
  json_objects: text('t.json', size => `[0,${fill('{"a":1},', size)}0]`),
  ndjson_keys: text('t.ndjson', size => distinctKeys(size).join('\n')),
  ndjson_wide: text('t.ndjson', size => {
    const row = (names: string) =>
      `{${Array.from({ length: Math.floor(size / 30) }, (_, index) => `"${names}${index}":${index}`).join(',')}}`;
    return `${row('a')}\n${row('b')}`;
  }),
  notebook_lines: text('t.ipynb', size =>
    notebook(`{"cell_type":"code","metadata":{},"outputs":[],"source":[${fill('"a\\n",', size)}""]}`),
  ),
  notebook_html: text('t.ipynb', size =>
    notebook(
      `{"cell_type":"code","metadata":{},"source":"","outputs":[{"output_type":"display_data","metadata":{},"data":{"text/html":"${fill('<table><a ', size)}"}}]}`,
    ),
  ),
  workbook_open_row: {
    path: 't.xlsx',
    make: size => workbook(`<worksheet><sheetData><row>${fill('<c><v>4</v></c>', size)}`),
  },
  workbook_open_cells: { path: 't.xlsx', make: size => workbook(sheet(`<row>${fill('<c ', size)}</row>`)) },
  workbook_far_cells: {
    path: 't.xlsx',
    make: size => workbook(sheet(fill('<row><c r="XFD1"><v>4</v></c></row>', size))),
  },
  workbook_head: {
    path: 't.xlsx',
    make: size => workbook(`<worksheet><cols>${fill('<col min="1" max="1"/>', size)}</cols><sheetData/></worksheet>`),
  },
  workbook_strings: {
    path: 't.xlsx',
    make: size =>
      workbook(
        sheet(fill('<row><c t="s"><v>0</v></c></row>', size / 2)),
        `<sst><si><t>${fill('words ', size / 2)}</t></si></sst>`,
      ),
  },
  workbook_runs: {
    path: 't.xlsx',
    make: size => workbook(sheet(''), `<sst><si>${fill('<r><t>a</t></r><rPh><t>b</t></rPh>', size)}</si></sst>`),
  },
  workbook_sheets: {
    path: 't.xlsx',
    make: size => {
      const count = Math.floor(size / 400);
      const names = Array.from({ length: count }, (_, index) => `xl/worksheets/sheet${index}.xml`);
      return store({ ...workbookParts(count), ...Object.fromEntries(names.map(name => [name, strToU8(sheet(''))])) });
    },
  },
  document_tags: { path: 't.docx', make: size => document(fill('<w:t ', size)) },
  document_tables: { path: 't.docx', make: size => document(fill('<w:tbl><w:tr><w:tc>4', size)) },
  document_one_line: { path: 't.docx', make: size => document(`<w:p>${fill('4  a ', size)}</w:p>`) },
  parquet_columns: {
    path: 't.parquet',
    make: size =>
      new Uint8Array(
        parquetWriteBuffer({
          columnData: Array.from({ length: Math.floor(size / 200) }, (_, index) => ({
            name: `c${index}`,
            data: [1],
            type: 'INT32' as const,
          })),
        }),
      ),
  },
  parquet_metadata: {
    path: 't.parquet',
    make: size =>
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [{ name: 'n', data: [40], type: 'INT32' as const }],
          kvMetadata: [{ key: 'note', value: fill('a.b@c ', size) }],
        }),
      ),
  },
  png_texts: { path: 't.png', make: size => png('Software\0x', size) },
  jpeg_segments: {
    path: 't.jpg',
    make: size =>
      Buffer.concat([
        Uint8Array.from([0xff, 0xd8]),
        ...Array.from({ length: size / 8 }, () => Uint8Array.from([0xff, 0xfe, 0, 6, 97, 97, 97, 97])),
      ]),
  },
  jpeg_marks: {
    path: 't.jpg',
    make: size => Buffer.concat([Uint8Array.from([0xff, 0xd8, 0xff, 0xda, 0, 2]), new Uint8Array(size).fill(0xff)]),
  },
  svg_spaces: text(
    't.svg',
    size => `<svg xmlns="http://www.w3.org/2000/svg"><style>url(${' '.repeat(size)})</style></svg>`,
  ),
  svg_styles: text(
    't.svg',
    size => `<svg xmlns="http://www.w3.org/2000/svg"><style>${fill('a{fill:', size)}</style></svg>`,
  ),
  svg_elements: text(
    't.svg',
    size => `<svg xmlns="http://www.w3.org/2000/svg">${fill('<g id="a"><use href="#a"/></g>', size)}</svg>`,
  ),
  svg_attributes: text('t.svg', size => `<svg xmlns="http://www.w3.org/2000/svg"><g ${fill('a="b" ', size)}/></svg>`),
  svg_open: text('t.svg', size => `<svg xmlns="http://www.w3.org/2000/svg">${fill('<a <!DOCTYPE ', size)}`),
  safetensors_names: {
    path: 't.safetensors',
    make: size => {
      const count = Math.floor(size / 60);
      const entries = Array.from(
        { length: count },
        (_, index) => `"w${index}":{"dtype":"U8","shape":[1],"data_offsets":[${index},${index + 1}]}`,
      );
      const header = strToU8(`{${entries.join(',')}}`);
      const bytes = new Uint8Array(8 + header.length + count);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
      bytes.set(header, 8);
      return bytes;
    },
  },
  zip_entries: {
    path: 't.zip',
    make: size =>
      store(
        Object.fromEntries(
          Array.from({ length: Math.floor(size / 120) }, (_, index) => [`f${index}`, new Uint8Array(1)]),
        ),
      ),
  },
};
