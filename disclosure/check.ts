import { checkArchive, isArchive } from './archive.ts';
import type { ByteSource } from './byte-source.ts';
import { findBytes, readHead, readTail, readWhole, UnreadableError } from './bytes.ts';
import { compare } from './compare.ts';
import { checkDeclaredKind } from './declared-kind.ts';
import type { CheckedFile } from './file.ts';
import { Findings, quoteForFinding } from './findings.ts';
import { checkImage, checkSvg, MAX_IMAGE_BYTES } from './image.ts';
import { checkJson, checkJsonLines } from './json.ts';
import { checkSafetensors, modelRefusalReason, modelZipRefusalReason } from './model.ts';
import { checkNotebook } from './notebook.ts';
import { checkOffice, detectOfficeType } from './office.ts';
import { checkParquet } from './parquet.ts';
import type { Policy } from './policy.ts';
import { addFindings, type FileReport } from './report.ts';
import { CapReached, RowBudget } from './row-budget.ts';
import type { ReleasedTables, TableSummary } from './sdc/cell-index.ts';
import { createLabelHash, MAX_COUNTS } from './sdc/marginals.ts';
import { TableCheck } from './sdc/table.ts';
import { contradictsExtension, detectSecondType, extensionOf, sniffMediaType } from './sniff.ts';
import { checkCsv, toUtf8Stream } from './tables.ts';
import { checkText } from './text.ts';
import { TextTableReader } from './text-tables.ts';
import { readZipDirectory } from './zip.ts';

/** What went wrong where the bytes come from: no finding, and to be tried again. */
class SourceFault extends Error {}

/**
 * Checks one file against a policy. Memory is bounded whatever the file is. A file that cannot be read gets a finding
 * that blocks; only a fault of the source itself is thrown. `summaries` are what `compare` needs of the file's tables:
 * labels are in it as hashes under `key`, so that the summaries of different keys cannot be compared.
 */
export const check = (
  file: CheckedFile,
  source: ByteSource,
  policy: Policy,
  key = '',
): Promise<{ report: FileReport; summaries: TableSummary[] }> => checkBytes(file, source, policy, createLabelHash(key));

/** Checks one file, and compares its tables with each other and with those of earlier releases. */
export async function checkFile(
  file: CheckedFile,
  source: ByteSource,
  policy: Policy,
  earlier: ReleasedTables,
): Promise<FileReport> {
  const { report, summaries } = await check(file, source, policy);
  return addFindings(report, [...(await compare(summaries, earlier, policy)).values()].flat());
}

async function checkBytes(
  meta: CheckedFile,
  bytes: ByteSource,
  policy: Policy,
  hash: (text: string) => number,
): Promise<{ report: FileReport; summaries: TableSummary[] }> {
  const findings = new Findings(policy);
  const tables: TableCheck[] = [];
  const room = { left: MAX_COUNTS.file };
  const budget = new RowBudget(policy);
  const newTable = (sheet?: string): TableCheck => {
    const table = new TableCheck({
      findings,
      path: meta.path,
      table: tables.length + 1,
      hash,
      room,
      budget,
      ...(sheet === undefined ? {} : { sheet }),
    });
    tables.push(table);
    return table;
  };
  const source = markFaults(bytes);
  let type = 'application/octet-stream';
  try {
    type = await typeOf(meta, source);
    if (allowed(type, meta, findings)) {
      checkDeclaredKind(type, meta, findings);
      await dangers(type, meta, source, findings);
      await contents(type, meta, source, findings, newTable);
    } else if (isArchive(type)) await checkArchive(type, source, meta.size, findings);
  } catch (error) {
    if (error instanceof SourceFault) throw error.cause;
    if (error instanceof CapReached) for (const table of tables) table.end();
    else {
      // A fault of a reader is a file that nobody has checked: it stays.
      const why = error instanceof UnreadableError ? error.message : 'its structure could not be followed';
      findings.add('type.unreadable', `It cannot be checked: ${why}. Save it again or in another format.`);
    }
  }
  const { rows, cells } = budget;
  const stopped = budget.isSpent ? ' Reading stopped there.' : '';
  if (tables.length > 0) {
    if (findings.runs('size.rows') && rows > policy.rows)
      findings.add(
        'size.rows',
        `It has more than ${policy.rows} rows, the maximum.${stopped} Aggregate the table or split it.`,
      );
    if (findings.runs('size.cells') && cells > policy.cells)
      findings.add(
        'size.cells',
        `It has more than ${policy.cells} cells, the maximum.${stopped} Aggregate the table or split it.`,
      );
  }
  const report: FileReport = {
    path: meta.path,
    sha256: meta.sha256,
    type,
    policy: policy.version,
    findings: findings.list(),
    ran: findings.ran(),
    ...(tables.length > 0 ? { rows, cells } : {}),
  };
  return { report, summaries: tables.flatMap(table => table.summaries) };
}

const markFaults = (source: ByteSource): ByteSource => ({
  size: source.size,
  stream: () => marked(source.stream()),
  range: (from, to) => marked(source.range(from, to)),
});

async function* marked(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const bytes = stream[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await bytes.next();
      } catch (error) {
        done = true;
        throw new SourceFault('', { cause: error });
      }
      if (next.done) {
        done = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!done) await bytes.return?.();
  }
}

const office = 'application/vnd.openxmlformats-officedocument.';

/** The type of the bytes; a zip is looked into, as an office file and a model are zips too. */
async function typeOf(meta: CheckedFile, source: ByteSource): Promise<string> {
  const type = sniffMediaType(await readHead(source, 65_536), meta.path);
  if (type !== 'application/zip') return type;
  try {
    const entries = await readZipDirectory(source);
    return (
      detectOfficeType(entries) ??
      (modelZipRefusalReason(entries.map(({ name }) => name)) ? 'application/x-pickle' : type)
    );
  } catch (error) {
    if (error instanceof UnreadableError) return type;
    throw error;
  }
}

function allowed(type: string, meta: CheckedFile, findings: Findings): boolean {
  const { policy } = findings;
  if (findings.runs('size.bytes') && meta.size > policy.bytes) {
    findings.add('size.bytes', `It has ${meta.size} bytes; ${policy.bytes} are the most.`);
    return false;
  }
  if (findings.runs('type.mismatch') && contradictsExtension(meta.path, type))
    findings.add(
      'type.mismatch',
      `Its name says it is something else: the bytes are ${quoteForFinding(type)}. Give it its own extension.`,
    );
  const model = modelRefusalReason(type);
  if (model !== undefined) {
    if (findings.runs('model.executable')) findings.add('model.executable', model);
    return false;
  }
  if ((policy.types as readonly string[]).includes(type)) return true;
  if (isArchive(type)) return false;
  if (type === 'application/x-empty') {
    findings.add('type.unreadable', 'It is empty.');
    return false;
  }
  if (findings.runs('type.refused'))
    findings.add(
      'type.refused',
      instead[type] ??
        `Files of this type (${quoteForFinding(type)}) may not pass the airlock of a project of tier ${policy.tier}. Use a table, a picture or text.`,
    );
  return false;
}

/** What reviewers can't be shown safely, and what they can. */
const instead: Readonly<Record<string, string>> = {
  'application/pdf':
    'A PDF can hold what nobody sees, and reviewers cannot be shown it safely. Send a figure as PNG, a table as CSV, a text as Markdown.',
  'image/gif': 'Reviewers cannot be shown a GIF safely. Send it as PNG.',
  'image/webp': 'Reviewers cannot be shown a WebP picture safely. Send it as PNG.',
  'application/onnx': 'Nobody can see what an ONNX model remembers. Send its weights as safetensors.',
};

/** What a file is besides its type: the same bytes read as something else. */
async function dangers(type: string, meta: CheckedFile, source: ByteSource, findings: Findings): Promise<void> {
  if (!findings.runs('type.polyglot')) return;
  const also = detectSecondType(await readHead(source, 4096), type);
  if (also !== undefined) findings.add('type.polyglot', `It is ${also} as well as ${quoteForFinding(type)}.`);
  if (type.startsWith('text/') || type.startsWith(office) || meta.size < 22) return;
  const bytes = await readTail(source, 66_000);
  const at = findBytes(bytes, 'PK\u0005\u0006');
  if (at >= 0 && bytes.length - at >= 22)
    findings.add('type.polyglot', `It is a zip archive as well as ${quoteForFinding(type)}.`);
}

async function contents(
  type: string,
  meta: CheckedFile,
  source: ByteSource,
  findings: Findings,
  newTable: (sheet?: string) => TableCheck,
): Promise<void> {
  if (type === 'text/csv' || type === 'text/tab-separated-values') return checkCsv(source, type, findings, newTable());
  if (type === 'application/x-ipynb+json') return checkNotebook(source, findings, newTable);
  if (type === 'application/json') return checkJson(source, findings, newTable);
  if (type === 'application/x-ndjson') return checkJsonLines(source, newTable);
  if (type === 'application/vnd.apache.parquet') return checkParquet(source, findings, newTable());
  if (type.startsWith(office)) return checkOffice(type, source, meta.size, findings, newTable);
  if (type === 'application/x-safetensors') return checkSafetensors(source, meta.size, findings);
  if (type === 'image/svg+xml') {
    const text = new TextDecoder().decode(await readWhole(toUtf8Stream(source), MAX_IMAGE_BYTES));
    checkSvg(text, findings);
    return void (await checkText(toUtf8Stream(source), findings));
  }
  if (type.startsWith('image/')) return checkImage(type, await readWhole(source.stream(), MAX_IMAGE_BYTES), findings);
  const of = {
    isCode: type === 'text/x-code',
    isLatex: extensionOf(meta.path) === 'tex',
    isPage: type === 'text/html',
  };
  await checkText(toUtf8Stream(source), findings, new TextTableReader(findings, newTable, of));
}
