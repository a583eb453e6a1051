import * as z from 'zod';
import { Sha256 } from '../identifiers.ts';

/** One request for a file of a dataset, as S3 logged it. */
export const DatasetRead = z.object({
  at: z.iso.datetime(),
  version: Sha256,
  path: z.string(),
  /** The project, by the access point that it was read through. Operators and Broch itself use none. */
  project: z.string().optional(),
  /** The role and its session. The session of a desktop is the id of its machine, that of a function its name. */
  reader: z.string(),
  address: z.string(),
  status: z.number().int(),
  bytes: z.number().int(),
});
export type DatasetRead = z.infer<typeof DatasetRead>;

/** The fields of a line: words, texts in quotes, and the time in brackets. */
const fieldPattern = /\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)/g;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html; a field may be added at the end at any time. */
const positions = {
  time: 2,
  address: 3,
  reader: 4,
  operation: 6,
  key: 7,
  status: 9,
  bytes: 11,
  accessPoint: 24,
} as const;

function readTime(text: string): string | undefined {
  const [, day = '', month = '', year = '', clock = ''] =
    /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) \+0000$/.exec(text) ?? [];
  const index = months.indexOf(month);
  return index < 0 ? undefined : `${year}-${String(index + 1).padStart(2, '0')}-${day}T${clock}.000Z`;
}

function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const countOf = (text: string | undefined): number => (/^\d+$/.test(text ?? '') ? Number(text) : 0);

/** Reads one line of the lake's access log: undefined unless it is a read of a file of the dataset. */
export function parseAccessLine(line: string, dataset: string, accessPoints: string): DatasetRead | undefined {
  const fields = [...line.matchAll(fieldPattern)].map(([, time, quotation, word]) => time ?? quotation ?? word ?? '');
  const field = (name: keyof typeof positions) => fields[positions[name]] ?? '-';
  if (field('operation') !== 'REST.GET.OBJECT') return undefined;
  const [, name, version, path] = /^datasets\/([^/]+)\/([0-9a-f]{64})\/(.+)$/s.exec(decodeKey(field('key'))) ?? [];
  const time = readTime(field('time'));
  if (name !== dataset || version === undefined || path === undefined || time === undefined) return undefined;
  const accessPoint = field('accessPoint');
  return {
    at: time,
    version,
    path,
    // The name of an access point ends in the number of the attempt that built the project.
    ...(accessPoint.startsWith(accessPoints) && {
      project: accessPoint.slice(accessPoints.length).replace(/-\d+$/, ''),
    }),
    reader: field('reader').replace(/^.*:assumed-role\//, ''),
    address: field('address'),
    status: countOf(field('status')),
    bytes: countOf(field('bytes')),
  };
}
