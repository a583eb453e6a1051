import type { ByteSource } from '../../disclosure/byte-source.ts';
import type { Finding } from '../identifiers.ts';
import { pathFinding } from '../storage/paths.ts';
import { ArchiveStream, isStreamedArchive } from './archive-stream.ts';
import type { DataContract } from './contract-schemas.ts';
import { archiveProblems, kindProblem } from './file-content.ts';
import { scanParquet } from './parquet-scan.ts';
import type { IdentifierCount, TableShape } from './schemas.ts';
import { findContractTable } from './table-contract.ts';
import { createTableScan } from './table-scan.ts';
import { createRowCounter, isParquet } from './table-shape.ts';

interface FileCheckResult {
  readonly findings: Finding[];
  readonly identifiers: IdentifierCount[];
  readonly shape: TableShape | undefined;
  /** Why the rows of a Parquet file could not be read. */
  readonly unread?: string;
}

/** Checks the content of one file: its bytes as they pass, then its beginning, and its end where that is a directory. */
export interface FileCheck {
  take(bytes: Uint8Array): void;
  /** Whether the check of a file that begins so needs all of its bytes. */
  readsAll(head: Uint8Array): boolean;
  /**
   * `isRead` is false if not all bytes passed. Then only the beginning and the directory are checked. The rows of a Parquet
   * file are read here, until `isLate`.
   */
  end(head: Uint8Array, source: ByteSource, isRead: boolean, isLate?: () => boolean): Promise<FileCheckResult>;
}

const remedy = 'Correct it and upload it and the manifest again, or ask your data steward about the contract.';

/** `target` is the path of the file in the dataset; the tag files of a bag have none and are not checked. */
export function createFileCheck(path: string, target: string | undefined, contract?: DataContract): FileCheck {
  if (target === undefined)
    return {
      take: () => {},
      readsAll: () => false,
      end: async () => ({ findings: [], identifiers: [], shape: undefined }),
    };
  const table = findContractTable(contract, target);
  const counter = createRowCounter(path);
  const scan = createTableScan(path, table);
  const archive = new ArchiveStream();
  return {
    take(bytes) {
      counter?.take(bytes);
      scan?.take(bytes);
      archive.take(bytes);
    },
    readsAll: head => counter !== undefined || scan !== undefined || isStreamedArchive(head),
    async end(head, source, isRead, isLate) {
      const parquet =
        isParquet(path) && source.size > 0 ? await scanParquet(source, { table, isRead, isLate }) : undefined;
      const shape = parquet?.shape ?? (isRead ? counter?.shape() : undefined);
      const lineTable = (isRead && scan?.end()) || { problems: [], identifiers: [] };
      const kind = kindProblem(path, head);
      const tableProblems = table && !scan && !parquet ? ['It cannot be read as a table.'] : lineTable.problems;
      return {
        findings: [
          ...(kind === undefined ? [] : [pathFinding(path, kind)]),
          ...[...(await archiveProblems(head, source)), ...(isRead ? archive.problems() : [])].map(problem =>
            pathFinding(path, problem),
          ),
          ...(parquet?.problems ?? tableProblems).map(problem => pathFinding(path, `${problem} ${remedy}`)),
        ],
        identifiers: parquet?.identifiers ?? lineTable.identifiers,
        shape,
        ...(parquet?.unread !== undefined && { unread: parquet.unread }),
      };
    },
  };
}
