import type { BatchJobState } from './events.ts';
import type { JobAttempt } from './schemas.ts';

/** What is known of a job from the reports of AWS Batch. */
export interface JobProgress {
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed';
  /** Grows with each state of each attempt. A report with a smaller rank is late. */
  readonly rank: number;
  readonly attempts: readonly JobAttempt[];
  /** Why it waits, or how it ended. */
  readonly reason: string;
}

const statusRanks = {
  SUBMITTED: 0,
  PENDING: 1,
  RUNNABLE: 2,
  STARTING: 3,
  RUNNING: 4,
  SUCCEEDED: 5,
  FAILED: 5,
} as const;
/** More than any status can add, so that each attempt outranks the one before. */
const ATTEMPT_RANK = 10;
/** An end is final, whatever arrives later. */
const END_RANK = 1_000_000;

const isEnd = (status: BatchJobState['status']): boolean => status === 'SUCCEEDED' || status === 'FAILED';

const rankOf = ({ status, attempts }: BatchJobState): number =>
  isEnd(status) ? END_RANK : attempts.length * ATTEMPT_RANK + statusRanks[status];

const statusOf = ({ status }: BatchJobState): JobProgress['status'] => {
  if (status === 'SUCCEEDED') return 'succeeded';
  if (status === 'FAILED') return 'failed';
  return status === 'RUNNING' || status === 'STARTING' ? 'running' : 'queued';
};

const defined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;

/** The attempts that a report tells of: those that stopped, and the one that runs. */
function attemptsOf({ attempts, status, startedAt, stoppedAt, container }: BatchJobState): JobAttempt[] {
  // A multi-node job has the times and the exit code of its main node, whether or not it lists attempts:
  // https://docs.aws.amazon.com/batch/latest/userguide/multi-node-parallel-jobs.html
  if (isEnd(status) && attempts.length === 0 && startedAt !== undefined && stoppedAt !== undefined)
    return [defined({ startedAt, stoppedAt, exitCode: container?.exitCode, reason: container?.reason })];
  const stops = attempts.map(attempt =>
    defined({
      startedAt: attempt.startedAt,
      stoppedAt: attempt.stoppedAt,
      exitCode: attempt.container?.exitCode,
      reason: attempt.container?.reason ?? attempt.statusReason,
    }),
  );
  return status === 'RUNNING' && startedAt !== undefined ? [...stops, { startedAt }] : stops;
}

/** Of two reports of one attempt the fuller holds: an attempt that stopped never runs again. */
function mergeAttempts(record: readonly JobAttempt[], report: readonly JobAttempt[]): JobAttempt[] {
  const count = Math.max(record.length, report.length);
  return Array.from({ length: count }, (_, index) => {
    const [first = {}, second = {}] = [record[index], report[index]];
    return second.stoppedAt === undefined && first.stoppedAt !== undefined ? first : { ...first, ...second };
  });
}

/**
 * One state from reports in any order, repeated or missing: the highest rank decides the status, and every report adds
 * what it knows of attempts.
 */
export function foldReport(progress: JobProgress | undefined, report: BatchJobState): JobProgress {
  const attempts = mergeAttempts(progress?.attempts ?? [], attemptsOf(report));
  const rank = rankOf(report);
  // Of two ends, AWS sends only one. If it ever sent both, a failure would hold, whichever came first.
  const isNewer = !progress || rank > progress.rank || (rank === progress.rank && progress.status !== 'failed');
  if (!isNewer) return { ...progress, attempts };
  return { status: statusOf(report), rank, attempts, reason: report.statusReason ?? '' };
}

/** Whether a fold changed anything. */
export const isSameProgress = (first: JobProgress, second: JobProgress): boolean =>
  JSON.stringify([first.status, first.rank, first.reason, first.attempts.map(sorted)]) ===
  JSON.stringify([second.status, second.rank, second.reason, second.attempts.map(sorted)]);

const sorted = (attempt: JobAttempt) => Object.entries(attempt).sort(([a], [b]) => a.localeCompare(b));
