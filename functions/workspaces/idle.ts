import { type ActivityReport, type IdleRules, judgeActivity } from './activity.ts';

/** What is known about the use of a machine. */
export interface UseSignals {
  readonly report?: ActivityReport | undefined;
  /** The highest average load of the processors in the last hour, as the hypervisor measures it, in per cent. */
  readonly cpuPercent?: number | undefined;
  /** Whether batch jobs of the project run or wait. */
  readonly hasJobs: boolean;
}

/** A machine at rest needs less. */
const RESTING_CPU_PERCENT = 5;

const minutesBetween = (start: string, end: string) => (Date.parse(end) - Date.parse(start)) / 60_000;

interface UsedMachine {
  /** The last moment at which somebody or something is known to have used it. */
  readonly usedAt: string;
  readonly awakeUntil?: string | undefined;
}

/** The last use that a report knows of. */
const reportedUse = ({ at: time, idleMinutes }: ActivityReport, usedAt: string, now: string): string => {
  if (idleMinutes === null) return usedAt;
  const use = Math.min(Date.parse(time), Date.parse(now)) - idleMinutes * 60_000;
  return new Date(Math.max(use, Date.parse(usedAt))).toISOString();
};

/**
 * When a machine was last used, and whether it is to be stopped. The agent's report decides while it is fresh. Without
 * one, for example because the agent ended, the hypervisor's measurement does. Without either the machine is in use.
 */
export function judgeUse(
  { usedAt, awakeUntil }: UsedMachine,
  { report, cpuPercent, hasJobs }: UseSignals,
  rules: IdleRules,
  now: string,
): { usedAt: string; stop: boolean } {
  if (hasJobs) return { usedAt: now, stop: false };
  const isAwake = awakeUntil !== undefined && Date.parse(awakeUntil) > Date.parse(now);
  const { state } = judgeActivity(report, usedAt, rules, now);
  if (state === 'calculating') return { usedAt: now, stop: false };
  if (state !== 'unknown' && report)
    return { usedAt: reportedUse(report, usedAt, now), stop: state === 'idle' && !isAwake };
  if (cpuPercent === undefined || cpuPercent >= RESTING_CPU_PERCENT) return { usedAt: now, stop: false };
  return { usedAt, stop: !isAwake && minutesBetween(usedAt, now) >= rules.idleMinutes };
}

/** Days without use after which the owner of a stopped workspace is warned. */
const unusedDays = [60, 80, 90] as const;

/** The warning that is due, if it was not given yet. */
export function findDueWarning(stoppedAt: string, warnedDays: number | undefined, now: string): number | undefined {
  const days = minutesBetween(stoppedAt, now) / (24 * 60);
  const due = unusedDays.findLast(limit => days >= limit);
  return due !== undefined && due > (warnedDays ?? 0) ? due : undefined;
}
