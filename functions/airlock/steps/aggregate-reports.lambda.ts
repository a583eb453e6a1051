import * as z from 'zod';
import { addFindings, type CheckFinding, FileReport, worstAction } from '../../../disclosure/report.ts';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { ObjectRef } from '../../identifiers.ts';
import { putImmutable, readVerified } from '../../storage/immutable-objects.ts';
import { decideRequest } from '../airlock.ts';
import { listCandidates } from '../decision-context.ts';
import { readSealManifest } from '../manifest-queries.ts';
import { loadAirlockConfig } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { NO_PEOPLE } from '../request/decision.ts';
import { roundPrefix } from '../request/places.ts';
import { isUnderWay } from '../request/request.ts';
import { changeRequest, readRequest } from '../store.ts';
import { RequestAttempt } from './attempt.ts';
import { deliverFullReport, projectBucket } from './full-report-page.ts';
import { isMalware } from './malware.ts';
import { compareRequestTables } from './release-comparison.ts';
import { type FullReport, isPartial } from './request-report.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  POOL_ID: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  /** What the names of all projects' buckets start with. */
  BUCKETS: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3 and DynamoDB.
const { TABLE_NAME, POOL_ID, AIRLOCK_BUCKET, RELEASE_BUCKET, BUCKETS, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

const ChunkReport = ObjectRef.extend({ tables: z.array(ObjectRef) });
const Input = RequestAttempt.extend({ checks: z.array(ChunkReport.nullable()) });
/** How many files the full report shows, so that a browser can open it. */
const MAX_REPORTED_FILES = 500;
const rank = { block: 0, ask: 1, warn: 2 } as const;
/** Malware first, because some readers see only one line. */
const rankOf = (finding: CheckFinding) => (isMalware(finding) ? -1 : rank[finding.action]);
type FileFinding = CheckFinding & { path: string };

/** Combines the reports of all chunks into one, and decides whether the request is blocked, returned or reviewed. */
export const handler = stepHandler(Input, async ({ project, request: id, attempt, checks }) => {
  const now = currentTime();
  const request = await readRequest(TABLE_NAME, project, id);
  // A retry after a lost answer gives the same answer, so that the workflow still waits for reviewers.
  if (!isUnderWay(request) && request.attempt === attempt) return { outcome: request.status };
  if (request.status !== 'checking' || request.attempt !== attempt) return { outcome: 'superseded' };
  let first: FileFinding[] = [];
  let [files, findings, partialFiles] = [0, 0, 0];
  const policies = new Set<string>();
  const actions: CheckFinding[] = [];
  // Only a stale attempt leaves a chunk unchecked.
  const chunks = z.array(ChunkReport).parse(checks);
  const compared = await compareRequestTables(
    { table: TABLE_NAME, airlock: AIRLOCK_BUCKET, release: RELEASE_BUCKET },
    request,
    chunks.flatMap(({ tables }) => tables),
  );
  const reportRefs: ObjectRef[] = [];
  const notable: FileReport[] = [];
  for (const chunk of chunks) {
    const read = z.array(FileReport).parse(await readVerified(AIRLOCK_BUCKET, chunk));
    const reports = read.map(report => addFindings(report, compared.findings.get(report.path) ?? []));
    const hasComparison = read.some(({ path }) => compared.findings.has(path));
    reportRefs.push(
      hasComparison
        ? await putImmutable(AIRLOCK_BUCKET, chunk.key.replace('.json', '-compared.json'), JSON.stringify(reports))
        : ObjectRef.parse(chunk),
    );
    files += reports.length;
    partialFiles += reports.filter(isPartial).length;
    notable.push(
      ...reports.filter(({ findings }) => findings.length > 0).slice(0, MAX_REPORTED_FILES - notable.length),
    );
    const chunkFindings = reports.flatMap(({ path, findings }) => findings.map(finding => ({ ...finding, path })));
    for (const { policy } of reports) policies.add(policy);
    findings += chunkFindings.length;
    first = [...first, ...chunkFindings].sort((a, b) => rankOf(a) - rankOf(b)).slice(0, 20);
    const [gravest] = first;
    if (gravest) actions.push(gravest);
  }
  if (files !== request.seal.files) throw new Error(`${files} of ${request.seal.files} files of ${id} were checked`);
  const gravest = worstAction(actions);
  const whole: FullReport = {
    v: 1,
    request: id,
    round: request.round,
    seal: request.seal.sha256,
    policy: [...policies].sort().join(' '),
    files,
    findings,
    ...(gravest && { worst: gravest }),
    checks: reportRefs,
    ...compared.whole,
    at: request.startedAt,
  };
  const reportRef = await putImmutable(AIRLOCK_BUCKET, `${roundPrefix(request)}report.json`, JSON.stringify(whole));
  const manifest = await readSealManifest(AIRLOCK_BUCKET, request);
  const numbers = new Map(manifest.files.map(({ path }, index) => [path, index + 1]));
  await deliverFullReport(await projectBucket(TABLE_NAME, BUCKETS, project), request, notable);
  const report = {
    ...reportRef,
    findings,
    ...(gravest && { worst: gravest }),
    ...(partialFiles > 0 && { partialFiles }),
    first: first.map(({ path, rule, action, message, cells }) => ({
      path: path.slice(0, 300),
      file: numbers.get(path) ?? 1,
      rule,
      action,
      message: message.slice(0, 600),
      cells: cells.slice(0, 5),
    })),
  };
  const facts = {
    ...NO_PEOPLE,
    rules: await loadAirlockConfig(TABLE_NAME, project, base),
    candidates: await listCandidates({ table: TABLE_NAME, pool: POOL_ID }, request),
  };
  const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
    decideRequest(read, { do: 'recordReport', attempt, report }, now, facts),
  );
  return { outcome: decision.superseded ? 'superseded' : decision.state.status };
});
