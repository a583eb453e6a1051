import * as z from 'zod';
import { FileReport } from '../../disclosure/report.ts';
import { Refused } from '../refused.ts';
import { readVerified } from '../storage/immutable-objects.ts';
import { type Seal, SealManifest } from './request/manifest.ts';
import type { Request } from './request/request.ts';
import { FullReport, isPartial } from './steps/request-report.ts';

interface Paging {
  readonly limit: number;
  readonly next?: string | undefined;
}

function offset(next: string | undefined): number {
  if (next === undefined) return 0;
  if (!/^\d{1,6}$/.test(next))
    throw new Refused(
      'missing',
      'The page token `next` was not issued by this API. Leave it out to start from the first page.',
    );
  return Number(next);
}

const sealRefusal = (request: Request) =>
  new Refused('conflict', `${request.id} is ${request.status}: it has no sealed files to show.`);

/** Refuses when the content was deleted: only the request itself and the receipt remain. */
function refuseIfDeleted(request: Request): void {
  if ('inventory' in request && request.inventory)
    throw new Refused(
      'conflict',
      `${request.id} is ${request.status}, and its sealed files are deleted. The receipt lists them.`,
    );
}

/** Reads the sealed manifest that votes refer to. Refuses when nothing is sealed. */
export async function readSealManifest(bucket: string, request: Request): Promise<SealManifest> {
  refuseIfDeleted(request);
  if (!('seal' in request) || !request.seal) throw sealRefusal(request);
  return SealManifest.parse(await readVerified(bucket, request.seal));
}

/** A page of the sealed files, in the order of their paths: of the current seal, or of that of an earlier round. */
export async function pageFiles(bucket: string, request: Request, { limit, next }: Paging, earlierSeal?: Seal) {
  const start = offset(next);
  refuseIfDeleted(request);
  const { files } = earlierSeal
    ? SealManifest.parse(await readVerified(bucket, earlierSeal))
    : await readSealManifest(bucket, request);
  const hasNext = start + limit < files.length;
  return { items: files.slice(start, start + limit), ...(hasNext && { next: String(start + limit) }) };
}

/** The report on one file. */
export async function readFileReport(bucket: string, request: Request, path: string): Promise<FileReport | undefined> {
  if (!('report' in request)) return undefined;
  const { checks } = FullReport.parse(await readVerified(bucket, request.report));
  for (const chunk of checks) {
    const fileReport = z
      .array(FileReport)
      .parse(await readVerified(bucket, chunk))
      .find(report => report.path === path);
    if (fileReport) return fileReport;
  }
  return undefined;
}

/** The paths of the files that their pages show only in part. */
export async function listPartialFiles(bucket: string, request: Request): Promise<string[]> {
  if (!('report' in request)) return [];
  const { checks } = FullReport.parse(await readVerified(bucket, request.report));
  const paths: string[] = [];
  for (const chunk of checks) {
    const reports = z.array(FileReport).parse(await readVerified(bucket, chunk));
    paths.push(...reports.filter(isPartial).map(({ path }) => path));
  }
  return paths;
}

/** A Lambda's response is limited to 6 MB. One report can exceed that, because a file can have any number of findings. */
const room = 4 * 1024 ** 2;

/** Takes as many reports as fit, but at least one. A report that is too large alone keeps only the first cells of each finding. */
export function takeFittingReports(reports: readonly FileReport[], maxBytes = room): FileReport[] {
  const items: FileReport[] = [];
  let remainingBytes = maxBytes;
  for (const report of reports) {
    remainingBytes -= Buffer.byteLength(JSON.stringify(report));
    if (remainingBytes >= 0) items.push(report);
    else if (items.length === 0)
      return [
        { ...report, findings: report.findings.map(finding => ({ ...finding, cells: finding.cells.slice(0, 3) })) },
      ];
    else break;
  }
  return items;
}

/** A page of the reports on files. A page ends where a chunk of the checks does. */
export async function pageReports(bucket: string, request: Request, { limit, next }: Paging) {
  refuseIfDeleted(request);
  if (!('report' in request)) throw sealRefusal(request);
  const { checks, files } = FullReport.parse(await readVerified(bucket, request.report));
  let [start, chunkStart] = [offset(next), 0];
  for (const chunk of checks) {
    const reports = z.array(FileReport).parse(await readVerified(bucket, chunk));
    if (start < chunkStart + reports.length) {
      const items = takeFittingReports(reports.slice(start - chunkStart, start - chunkStart + limit));
      start += items.length;
      return { items, ...(start < files && { next: String(start) }) };
    }
    chunkStart += reports.length;
  }
  return { items: [] };
}
