import type { FileKind } from '../../../disclosure/file.ts';
import type { Present } from '../../ingest/compare.ts';
import type { Finding } from '../../ingest/ingest.ts';
import { pack } from '../../storage/chunks.ts';
import { byteLength, findPathClashes, pathFinding, pathProblem } from '../../storage/paths.ts';
import type { AirlockConfig } from '../request/airlock-config.ts';
import type { Request } from '../request/request.ts';
import { findGroupIndex } from './wildcards.ts';

/** A file of the source in the version that will be sealed, and what it is. */
export interface SelectedFiles extends Present {
  readonly kind: FileKind;
  readonly group: number;
}

/** What a project, or a person, submitted in a day in one direction: by request and round, in bytes. */
export type VolumeCounts = Readonly<Record<string, number>>;
export interface SubmittedVolumes {
  readonly project: VolumeCounts;
  readonly person: VolumeCounts;
}

/** Where everything of one round lies. */
export const roundPrefix = ({ id, round }: Pick<Request, 'id' | 'round'>): string => `requests/${id}/${round}/`;

/**
 * What one Lambda seals, checks or releases at most, in bytes, within its 15 minutes: it reads them once or twice, which
 * takes some five minutes each at the 85 MB/s of one connection to S3 (hashing takes a tenth of that), and has S3 copy them.
 */
export const MAX_FILE_BYTES = 25 * 1024 ** 3;

/** Why these are too many bytes for the Lambdas that would take them; nobody would see them fail but by a timeout. */
function tooLarge(files: readonly { path: string; size: number }[]): Finding[] {
  const alone = files.filter(({ size }) => size > MAX_FILE_BYTES);
  if (alone.length > 0)
    return alone.map(({ path, size }) =>
      pathFinding(path, `It has ${size} bytes; a file may have ${MAX_FILE_BYTES}. Split it.`),
    );
  const together = pack(files).some(chunk => chunk.reduce((sum, { size }) => sum + size, 0) > MAX_FILE_BYTES);
  return together ? [pathFinding('', 'It has too many large files for one request. Make two of it.')] : [];
}

/** Sorts what lies in the source into the request's groups. Every file must be taken by one, and none may be dubious. */
export function selectFiles(
  of: Pick<Request, 'id' | 'round' | 'groups' | 'source'>,
  present: readonly Present[] | undefined,
  { caps }: AirlockConfig,
): { files: SelectedFiles[]; findings: Finding[] } {
  if (!present) return { files: [], findings: [pathFinding('', 'The folder has too many versions. Use a new one.')] };
  if (present.length === 0)
    return {
      files: [],
      findings: [pathFinding('', `There are no files in ${of.source}. Put them there, then submit.`)],
    };
  const room = 1024 - byteLength(`${roundPrefix(of)}files/`);
  const bytes = present.reduce((sum, { size }) => sum + size, 0);
  const all = [
    ...(present.length > caps.files
      ? [pathFinding('', `It has ${present.length} files; a request may have ${caps.files}. Split it.`)]
      : []),
    ...(bytes > caps.bytes
      ? [pathFinding('', `It has ${bytes} bytes; a request may have ${caps.bytes}. Split it.`)]
      : []),
  ];
  if (all.length > 0) return { files: [], findings: all };
  const files = present.map(file => ({ ...file, group: findGroupIndex(file.path, of.groups) }));
  const findings = [
    ...files.flatMap(({ path }) => {
      const wrong = pathProblem(path, room);
      return wrong === undefined ? [] : [pathFinding(path, wrong)];
    }),
    ...findPathClashes(files.map(({ path }) => path)),
    ...tooLarge(files),
    ...files
      .filter(({ group }) => group < 0)
      .map(({ path }) => pathFinding(path, 'No group takes this file. Add it to one, or take it out of the folder.')),
  ];
  return {
    files: files.flatMap(file => {
      const kind = of.groups[file.group]?.kind;
      return kind ? [{ ...file, kind }] : [];
    }),
    findings,
  };
}

/**
 * The day's volumes with this submission in them, or why there is no room; and which caps are nearly reached by it.
 * Submitting the same round again adds nothing.
 */
export function admitVolume(
  { project, person }: SubmittedVolumes,
  round: string,
  bytes: number,
  { caps }: AirlockConfig,
): { volumes: SubmittedVolumes; high: string[] } | Finding {
  const volumes = { project: { ...project, [round]: bytes }, person: { ...person, [round]: bytes } };
  const sum = (volume: VolumeCounts) => Object.values(volume).reduce((all, one) => all + one, 0);
  const count = (volume: VolumeCounts) => Object.keys(volume).length;
  const all = [
    { who: 'The project', what: 'submissions', cap: caps.dailyRequests, of: project, next: volumes.project, by: count },
    { who: 'The project', what: 'bytes', cap: caps.dailyBytes, of: project, next: volumes.project, by: sum },
    { who: 'You', what: 'submissions', cap: caps.personRequests, of: person, next: volumes.person, by: count },
    { who: 'You', what: 'bytes', cap: caps.personBytes, of: person, next: volumes.person, by: sum },
  ];
  const over = all.find(({ cap, next, by }) => by(next) > cap);
  if (over) {
    const would = `${over.by(over.next)} ${over.what}`;
    return pathFinding('', `${over.who} would reach ${would} today; ${over.cap} are allowed. Go on tomorrow.`);
  }
  const near = ({ cap, next, by, of }: (typeof all)[number]) => {
    const line = (cap * caps.alertPercent) / 100;
    // Without this round, so that a step that runs twice says the same.
    const { [round]: _, ...before } = of;
    return by(before) < line && by(next) >= line;
  };
  const high = all
    .filter(near)
    .map(
      ({ who, what, cap, next, by }) =>
        `${who === 'You' ? 'One person' : who} has reached ${by(next)} of ${cap} ${what} today.`,
    );
  return { volumes, high };
}
