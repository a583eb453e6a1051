import { checkArchive } from './archive.ts';
import type { ByteSource } from './byte-source.ts';
import { findBytes, readHead, readTail, UnreadableError } from './bytes.ts';
import { compare } from './compare.ts';
import type { CheckedFile } from './file.ts';
import { Findings, quoteForFinding } from './findings.ts';
import type { Format } from './format.ts';
import { FORMATS, formatNameOf } from './formats.ts';
import type { Policy } from './policy.ts';
import { FORMAT_READERS } from './readers.ts';
import { REFUSED_FORMATS } from './refused-formats.ts';
import { addFindings, type FileReport } from './report.ts';
import { CapReached, RowBudget } from './row-budget.ts';
import type { ReleasedTables, TableSummary } from './sdc/cell-index.ts';
import { createLabelHash, MAX_COUNTS } from './sdc/marginals.ts';
import { TableCheck } from './sdc/table.ts';
import { contradictsExtension, detectMediaType, detectSecondType } from './sniff.ts';

/** More tables than this in one file are not read. */
const MAX_TABLES = 2000;

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
    if (tables.length >= MAX_TABLES) throw new UnreadableError(`it has more than ${MAX_TABLES} tables`);
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
    type = await detectMediaType(await readHead(source, 65_536), source, meta.path);
    const name = formatNameOf(type);
    const archive = REFUSED_FORMATS[type]?.archive;
    if (passes(type, meta, findings) && name) {
      checkDeclaredKind(FORMATS[name], type, meta, findings);
      await checkPolyglot(FORMATS[name], type, source, findings);
      await FORMAT_READERS[name].check({ file: meta, source, findings, newTable });
    } else if (archive) await checkArchive(archive, type === 'application/zip', source, findings);
  } catch (error) {
    if (error instanceof SourceFault) throw error.cause;
    if (error instanceof CapReached) for (const table of tables) table.end();
    else {
      // A fault of a reader is a file that nobody has checked: it stays.
      const reason = error instanceof UnreadableError ? error.message : 'its structure could not be followed';
      findings.add('type.unreadable', `It cannot be checked: ${reason}. Save it again or in another format.`);
    }
  }
  const { rows, cells } = budget;
  const ending = budget.isSpent ? ' Reading stopped there.' : '';
  if (tables.length > 0) {
    if (findings.runs('size.rows') && rows > policy.rows)
      findings.add(
        'size.rows',
        `It has more than ${policy.rows} rows, the maximum.${ending} Aggregate the table or split it.`,
      );
    if (findings.runs('size.cells') && cells > policy.cells)
      findings.add(
        'size.cells',
        `It has more than ${policy.cells} cells, the maximum.${ending} Aggregate the table or split it.`,
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
  stream: () => markStream(source.stream()),
  range: (start, end) => markStream(source.range(start, end)),
});

async function* markStream(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const bytes = stream[Symbol.asyncIterator]();
  let isDone = false;
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await bytes.next();
      } catch (error) {
        isDone = true;
        throw new SourceFault('', { cause: error });
      }
      if (next.done) {
        isDone = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!isDone) await bytes.return?.();
  }
}

/** Whether a file of this type may pass at all, with a finding where it may not. */
function passes(type: string, meta: CheckedFile, findings: Findings): boolean {
  const { policy } = findings;
  if (findings.runs('size.bytes') && meta.size > policy.bytes) {
    findings.add('size.bytes', `It has ${meta.size} bytes; the maximum is ${policy.bytes}. Aggregate it or split it.`);
    return false;
  }
  if (findings.runs('type.mismatch') && contradictsExtension(meta.path, type))
    findings.add(
      'type.mismatch',
      `Its name does not fit its bytes, which are ${quoteForFinding(type)}. Give the file the extension of this type.`,
    );
  if (policy.types.includes(type)) return true;
  const { archive, executable, instead } = REFUSED_FORMATS[type] ?? {};
  if (executable !== undefined) {
    if (findings.runs('model.executable')) findings.add('model.executable', executable);
  } else if (type === 'application/x-empty') findings.add('type.unreadable', 'It is empty. Leave it out.');
  else if (archive === undefined && findings.runs('type.refused'))
    findings.add(
      'type.refused',
      instead ??
        `Files of this type (${quoteForFinding(type)}) may not pass the airlock of a project of tier ${policy.tier}. Use a table, a picture or text.`,
    );
  return false;
}

/** Compares the kind that a file was declared as with its bytes: reviewers look at a table otherwise than at code. */
function checkDeclaredKind(format: Format, type: string, { kind, path }: CheckedFile, findings: Findings): void {
  if (kind === 'supporting' || !findings.runs('type.kind')) return;
  // A name that contradicts the bytes has a finding of its own.
  if (format.kinds.includes(kind) || contradictsExtension(path, type)) return;
  findings.add(
    'type.kind',
    `It is submitted as a ${kind}, and its bytes are ${quoteForFinding(type)}. Put it into a group of its own kind.`,
  );
}

/** What a file is besides its type: the same bytes read as something else. */
async function checkPolyglot(format: Format, type: string, source: ByteSource, findings: Findings): Promise<void> {
  if (!findings.runs('type.polyglot')) return;
  const second = detectSecondType(await readHead(source, 4096), type);
  if (second !== undefined)
    findings.add(
      'type.polyglot',
      `It is ${second} as well as ${quoteForFinding(type)}. Save it again as ${quoteForFinding(type)} only.`,
    );
  if (type.startsWith('text/') || format.part !== undefined || source.size < 22) return;
  const bytes = await readTail(source, 66_000);
  const index = findBytes(bytes, 'PK\u0005\u0006');
  if (index >= 0 && bytes.length - index >= 22)
    findings.add(
      'type.polyglot',
      `It is a zip archive as well as ${quoteForFinding(type)}. Save it again as ${quoteForFinding(type)} only.`,
    );
}
