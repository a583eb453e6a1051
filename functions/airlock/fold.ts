import * as z from 'zod';
import { now } from '../clock.ts';
import { step } from '../handler.ts';
import { decide } from './airlock.ts';
import { announce } from './announce.ts';
import { roundPrefix } from './gather.ts';
import { Kept, keep, reopen } from './objects.ts';
import { type CheckFinding, FileReport, worst } from './report.ts';
import { Rules } from './rules.ts';
import { Attempt } from './steps.ts';
import { change, readRequest } from './store.ts';
import type { WholeReport } from './whole.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  BUS_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3, DynamoDB and EventBridge.
const { TABLE_NAME, BUS_NAME, AIRLOCK_BUCKET, RULES } = env.parse(process.env);
const facts = { rules: Rules.parse(JSON.parse(RULES)), members: [], reviewers: [] };

const Input = Attempt.extend({ checks: z.array(Kept) });
const rank = { block: 0, ask: 1, warn: 2 } as const;
type Told = CheckFinding & { path: string };

/** Brings the checks together: the report that reviewers see, and the verdict on whether they see it at all. */
export const handler = step(Input, async ({ project, request: id, attempt, checks }) => {
  const at = now();
  const of = await readRequest(TABLE_NAME, project, id);
  if (of.status !== 'checking' || of.attempt !== attempt || !of.seal) return { outcome: 'superseded' };
  let first: Told[] = [];
  let [files, findings] = [0, 0];
  const policies = new Set<string>();
  const actions: CheckFinding[] = [];
  for (const kept of checks) {
    const reports = z.array(FileReport).parse(await reopen(AIRLOCK_BUCKET, kept));
    files += reports.length;
    const found = reports.flatMap(({ path, findings }) => findings.map(finding => ({ ...finding, path })));
    for (const { policy } of reports) policies.add(policy);
    findings += found.length;
    first = [...first, ...found].sort((a, b) => rank[a.action] - rank[b.action]).slice(0, 20);
    const [gravest] = first;
    if (gravest) actions.push(gravest);
  }
  if (files !== of.seal.files) throw new Error(`${files} of ${of.seal.files} files of ${id} were checked`);
  const gravest = worst(actions);
  const whole: WholeReport = {
    v: 1,
    request: id,
    round: of.round,
    seal: of.seal.sha256,
    policy: [...policies].sort().join(' '),
    files,
    findings,
    ...(gravest && { worst: gravest }),
    checks,
    at: of.startedAt,
  };
  const kept = await keep(AIRLOCK_BUCKET, `${roundPrefix(of)}report.json`, JSON.stringify(whole));
  const report = {
    ...kept,
    findings,
    ...(gravest && { worst: gravest }),
    first: first.map(({ path, rule, action, says, cells }) => ({
      path: path.slice(0, 300),
      rule,
      action,
      says: says.slice(0, 600),
      cells: cells.slice(0, 5),
    })),
  };
  const decision = await change(TABLE_NAME, { project, id, at }, read =>
    decide(read, { do: 'judge', attempt, report }, at, facts),
  );
  await announce(BUS_NAME, decision, at);
  return { outcome: decision.superseded ? 'superseded' : decision.request.status };
});
