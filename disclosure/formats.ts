import type { Format } from './format.ts';
import { codeFormat } from './formats/code.ts';
import { csvFormat } from './formats/csv.ts';
import { documentFormat } from './formats/document.ts';
import { htmlFormat } from './formats/html.ts';
import { jpegFormat } from './formats/jpeg.ts';
import { jsonFormat } from './formats/json.ts';
import { markdownFormat } from './formats/markdown.ts';
import { ndjsonFormat } from './formats/ndjson.ts';
import { notebookFormat } from './formats/notebook.ts';
import { parquetFormat } from './formats/parquet.ts';
import { pngFormat } from './formats/png.ts';
import { safetensorsFormat } from './formats/safetensors.ts';
import { slidesFormat } from './formats/slides.ts';
import { svgFormat } from './formats/svg.ts';
import { textFormat } from './formats/text.ts';
import { tsvFormat } from './formats/tsv.ts';
import { workbookFormat } from './formats/workbook.ts';

/** Every format that may pass, by the name that its file in `formats/` has. */
export const FORMATS = {
  csv: csvFormat,
  tsv: tsvFormat,
  text: textFormat,
  markdown: markdownFormat,
  html: htmlFormat,
  code: codeFormat,
  json: jsonFormat,
  ndjson: ndjsonFormat,
  notebook: notebookFormat,
  workbook: workbookFormat,
  document: documentFormat,
  slides: slidesFormat,
  parquet: parquetFormat,
  png: pngFormat,
  jpeg: jpegFormat,
  svg: svgFormat,
  safetensors: safetensorsFormat,
} satisfies Record<string, Format>;
export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];
export const MEDIA_TYPES: readonly string[] = FORMAT_NAMES.map(name => FORMATS[name].type);

/** The format that files of a media type have, where they may pass. */
export const formatNameOf = (type: string): FormatName | undefined =>
  FORMAT_NAMES.find(name => FORMATS[name].type === type);
