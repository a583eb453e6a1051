import type { FileKind } from '../../../disclosure/file.ts';
import type { Finding } from '../../identifiers.ts';
import { packChunks } from '../../storage/chunks.ts';
import type { ListedObject } from '../../storage/object-read.ts';
import { byteLength, findPathClashes, pathFinding, pathProblem } from '../../storage/paths.ts';
import type { AirlockConfig } from '../request/airlock-config.ts';
import { roundPrefix } from '../request/places.ts';
import { rejections } from '../request/rejections.ts';
import type { Request } from '../request/request.ts';
import { findGroupIndex } from './wildcards.ts';

/** A file of the source in the version that will be sealed, and what it is. */
export interface SelectedFiles extends ListedObject {
  readonly kind: FileKind;
  readonly group: number;
}

/**
 * How many bytes one Lambda can seal, check or release within its 15 minutes. It reads them once or twice, about five
 * minutes each at the 85 MB/s of one connection to S3 (hashing takes a tenth of that), and S3 copies them.
 */
export const MAX_FILE_BYTES = 25 * 1024 ** 3;

/** Findings for files that one Lambda cannot process in time. Without them, the only sign would be a timeout. */
function tooLarge(files: readonly { path: string; size: number }[]): Finding[] {
  const alone = files.filter(({ size }) => size > MAX_FILE_BYTES);
  if (alone.length > 0)
    return alone.map(({ path, size }) =>
      pathFinding(path, `It has ${size} bytes; a file may have ${MAX_FILE_BYTES}. Split it.`),
    );
  const chunkTooLarge = packChunks(files).some(
    chunk => chunk.reduce((sum, { size }) => sum + size, 0) > MAX_FILE_BYTES,
  );
  return chunkTooLarge ? [pathFinding('', rejections.largeTogether)] : [];
}

/** Assigns each file of the source to a group of the request. Files without a group, or with a doubtful path, are findings. */
export function selectFiles(
  request: Pick<Request, 'id' | 'round' | 'groups' | 'source'>,
  present: readonly ListedObject[] | undefined,
  { caps }: AirlockConfig,
): { files: SelectedFiles[]; findings: Finding[] } {
  if (!present) return { files: [], findings: [pathFinding('', rejections.manyVersions)] };
  if (present.length === 0)
    return {
      files: [],
      findings: [pathFinding('', rejections.empty)],
    };
  const room = 1024 - byteLength(`${roundPrefix(request)}files/`);
  const bytes = present.reduce((sum, { size }) => sum + size, 0);
  const requestFindings = [
    ...(present.length > caps.files
      ? [pathFinding('', `It has ${present.length} files; a request may have ${caps.files}. Split it.`)]
      : []),
    ...(bytes > caps.bytes
      ? [pathFinding('', `It has ${bytes} bytes; a request may have ${caps.bytes}. Split it.`)]
      : []),
  ];
  if (requestFindings.length > 0) return { files: [], findings: requestFindings };
  const files = present.map(file => ({ ...file, group: findGroupIndex(file.path, request.groups) }));
  const findings = [
    ...files.flatMap(({ path }) => {
      const wrong = pathProblem(path, room);
      return wrong === undefined ? [] : [pathFinding(path, wrong)];
    }),
    ...findPathClashes(files.map(({ path }) => path)),
    ...tooLarge(files),
    ...files.filter(({ group }) => group < 0).map(({ path }) => pathFinding(path, rejections.noGroup)),
  ];
  return {
    files: files.flatMap(file => {
      const kind = request.groups[file.group]?.kind;
      return kind ? [{ ...file, kind }] : [];
    }),
    findings,
  };
}
