import type { Present } from '../ingest/compare.ts';
import type { Finding } from '../ingest/ingest.ts';
import { bytesOf, clashes, finding, wrongPath } from '../ingest/paths.ts';
import { groupOf } from './globs.ts';
import type { Request } from './request.ts';
import type { Rules } from './rules.ts';
import type { FileKind } from './sealed.ts';

/** A file of the source in the version that will be sealed, and what it is. */
export interface Gathered extends Present {
  readonly kind: FileKind;
  readonly group: number;
}

/** What a project submitted in a day, by request and round, in bytes. */
export type Volume = Readonly<Record<string, number>>;

/** Where everything of one round lies. */
export const roundPrefix = ({ id, round }: Pick<Request, 'id' | 'round'>): string => `requests/${id}/${round}/`;

/** Sorts what lies in the source into the request's groups. Every file must be taken by one, and none may be dubious. */
export function gather(
  of: Pick<Request, 'id' | 'round' | 'groups' | 'source'>,
  present: readonly Present[] | undefined,
  { caps }: Rules,
): { files: Gathered[]; findings: Finding[] } {
  if (!present) return { files: [], findings: [finding('', 'The folder has too many versions. Use a new one.')] };
  if (present.length === 0)
    return { files: [], findings: [finding('', `There are no files in ${of.source}. Put them there, then submit.`)] };
  const room = 1024 - bytesOf(`${roundPrefix(of)}files/`);
  const bytes = present.reduce((sum, { size }) => sum + size, 0);
  const all = [
    ...(present.length > caps.files
      ? [finding('', `It has ${present.length} files; a request may have ${caps.files}. Split it.`)]
      : []),
    ...(bytes > caps.bytes ? [finding('', `It has ${bytes} bytes; a request may have ${caps.bytes}. Split it.`)] : []),
  ];
  if (all.length > 0) return { files: [], findings: all };
  const files = present.map(file => ({ ...file, group: groupOf(file.path, of.groups) }));
  const findings = [
    ...files.flatMap(({ path }) => {
      const wrong = wrongPath(path, room);
      return wrong === undefined ? [] : [finding(path, wrong)];
    }),
    ...clashes(files.map(({ path }) => path)),
    ...files
      .filter(({ group }) => group < 0)
      .map(({ path }) => finding(path, 'No group takes this file. Add it to one, or take it out of the folder.')),
  ];
  return {
    files: files.flatMap(file => {
      const kind = of.groups[file.group]?.kind;
      return kind ? [{ ...file, kind }] : [];
    }),
    findings,
  };
}

/** The day's volume with this submission in it, or why there is no room. Submitting the same round again adds nothing. */
export function admit(volume: Volume, round: string, bytes: number, { caps }: Rules): { volume: Volume } | Finding {
  const next = { ...volume, [round]: bytes };
  const sum = Object.values(next).reduce((all, one) => all + one, 0);
  if (Object.keys(next).length > caps.dailyRequests)
    return finding('', `The project has made its ${caps.dailyRequests} submissions of today. Go on tomorrow.`);
  if (sum > caps.dailyBytes)
    return finding('', `The project would submit ${sum} bytes today; ${caps.dailyBytes} are allowed. Go on tomorrow.`);
  return { volume: next };
}
