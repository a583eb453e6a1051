import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { folderPage } from '../../../disclosure/preview/folder-page.ts';
import type { FileReport } from '../../../disclosure/report.ts';
import type { Finding } from '../../identifiers.ts';
import { rowKey } from '../../keys.ts';
import { Project } from '../../projects/schemas.ts';
import { readRow } from '../../table.ts';
import { fullReportKey } from '../request/places.ts';
import type { Request } from '../request/request.ts';

const client = new S3Client({});

/** The bucket of the request's project. `prefix` begins the names of all projects' buckets. */
export async function projectBucket(table: string, prefix: string, project: string): Promise<string> {
  const row = await readRow(table, Project, rowKey('project', project));
  if (row?.status !== 'ready') throw new Error(`project ${project} is not ready`);
  const { bucket } = row.network;
  if (!bucket.startsWith(prefix)) throw new Error(`${bucket} is not a project's`);
  return bucket;
}

/**
 * Delivers the full report on a submission into its project. Members read it there, on a desktop: outside they see
 * short findings only, because names and cells are content. An import has none, as nothing of it is in the project yet.
 */
export async function deliverFullReport(
  bucket: string,
  request: Request,
  reports: readonly FileReport[],
  rejections: readonly Finding[] = [],
): Promise<void> {
  if (request.direction === 'import') return;
  const policies = [...new Set(reports.map(({ policy }) => policy))].sort().join(' ');
  const files = reports.map(report => ({ report, parts: [] }));
  const exclusions = rejections.map(({ path, reason }) => ({ path: path || request.source, reason }));
  await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: fullReportKey(request),
      Body: folderPage(request.source, policies, files, exclusions),
      ContentType: 'text/html; charset=utf-8',
    }),
  );
}
