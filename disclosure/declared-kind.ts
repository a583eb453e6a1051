import type { CheckedFile, FileKind } from './file.ts';
import { type Findings, quoteForFinding } from './findings.ts';
import { contradictsExtension } from './sniff.ts';

const office = 'application/vnd.openxmlformats-officedocument.';
const [sheets, document, slides] = [
  'spreadsheetml.sheet',
  'wordprocessingml.document',
  'presentationml.presentation',
].map(part => office + part) as [string, string, string];
const json = ['application/json', 'application/x-ndjson'];

/**
 * What a file of each kind may be. Words stand beside anything, as a README does beside tables: reviewers read them, and
 * the tables in them are judged. What is supporting promises nothing.
 */
const may: Readonly<Record<Exclude<FileKind, 'supporting'>, readonly string[]>> = {
  table: [
    'text/csv',
    'text/tab-separated-values',
    'text/html',
    'application/vnd.apache.parquet',
    sheets,
    document,
    ...json,
  ],
  figure: ['image/png', 'image/jpeg', 'image/svg+xml', 'text/html', slides],
  model: ['application/x-safetensors', ...json],
  code: ['text/x-code', 'text/html', 'application/x-ipynb+json', ...json],
  log: ['text/html', ...json],
};
const words = ['text/plain', 'text/markdown'];

/** Compares the kind that a file was declared as with its bytes: reviewers look at a table otherwise than at code. */
export function checkDeclaredKind(type: string, { kind, path }: CheckedFile, findings: Findings): void {
  if (kind === 'supporting' || !findings.runs('type.kind')) return;
  // A name that contradicts the bytes has a finding of its own.
  if (words.includes(type) || may[kind].includes(type) || contradictsExtension(path, type)) return;
  findings.add(
    'type.kind',
    `It is submitted as a ${kind}, and its bytes are ${quoteForFinding(type)}. Put it into a group of its own kind.`,
  );
}
