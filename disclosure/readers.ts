import type { FormatCheck, FormatRewrite } from './format.ts';
import { checkCode } from './formats/code.ts';
import { checkCsv } from './formats/csv.ts';
import { checkDocument } from './formats/document.ts';
import { checkHtml } from './formats/html.ts';
import { checkJpeg, rewriteJpeg } from './formats/jpeg.ts';
import { checkJson } from './formats/json.ts';
import { checkMarkdown } from './formats/markdown.ts';
import { checkNdjson } from './formats/ndjson.ts';
import { checkNotebook, rewriteNotebook } from './formats/notebook.ts';
import { checkParquet } from './formats/parquet.ts';
import { checkPng, rewritePng } from './formats/png.ts';
import { checkSafetensors, MAX_MODEL_HEADER_BYTES } from './formats/safetensors.ts';
import { checkSlides } from './formats/slides.ts';
import { checkSvg, rewriteSvg } from './formats/svg.ts';
import { checkPlainText } from './formats/text.ts';
import { checkTsv } from './formats/tsv.ts';
import { checkWorkbook } from './formats/workbook.ts';
import type { FormatName } from './formats.ts';
import { rewriteOffice } from './office-rewrite.ts';
import { rewriteParquet } from './parquet-rewrite.ts';
import { renderNotebook } from './preview/notebook.ts';
import {
  createTableRenderer,
  createTextRenderer,
  holdFile,
  holdOffice,
  type Renderer,
  renderPicture,
  renderPlainText,
} from './preview/renderers.ts';
import { renderDocumentText, renderJson, renderModel, renderParquet, renderWorkbook } from './preview/structured.ts';

/** How a file of one format is checked, and how reviewers are shown it. */
interface FormatReader {
  readonly check: FormatCheck;
  readonly render: Renderer;
  /** How it is written again, if that is possible. */
  readonly rewrite?: FormatRewrite;
}

/** Every format that may pass is checked and shown: nothing compiles while one of the two is missing. */
export const FORMAT_READERS: Readonly<Record<FormatName, FormatReader>> = {
  csv: { check: checkCsv, render: createTableRenderer(',') },
  tsv: { check: checkTsv, render: createTableRenderer('\t') },
  text: { check: checkPlainText, render: renderPlainText },
  markdown: { check: checkMarkdown, render: renderPlainText },
  html: { check: checkHtml, render: renderPlainText },
  code: { check: checkCode, render: renderPlainText },
  json: { check: checkJson, render: holdFile(input => renderJson(input, false)) },
  ndjson: { check: checkNdjson, render: holdFile(input => renderJson(input, true)) },
  notebook: { check: checkNotebook, render: holdFile(renderNotebook), rewrite: rewriteNotebook },
  workbook: { check: checkWorkbook, render: holdOffice(renderWorkbook), rewrite: rewriteOffice },
  document: { check: checkDocument, render: holdOffice(renderDocumentText), rewrite: rewriteOffice },
  slides: { check: checkSlides, render: holdOffice(renderDocumentText), rewrite: rewriteOffice },
  parquet: { check: checkParquet, render: holdFile(renderParquet), rewrite: rewriteParquet },
  png: { check: checkPng, render: renderPicture, rewrite: rewritePng },
  jpeg: { check: checkJpeg, render: renderPicture, rewrite: rewriteJpeg },
  svg: { check: checkSvg, render: createTextRenderer(true), rewrite: rewriteSvg },
  safetensors: { check: checkSafetensors, render: holdFile(renderModel, 8 + MAX_MODEL_HEADER_BYTES) },
};
