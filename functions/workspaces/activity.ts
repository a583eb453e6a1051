import * as z from 'zod';
import { Refused } from '../refused.ts';
import { MAX_REPORT_BYTES } from './reports.ts';

/** What a desktop's agent says every five minutes: who is there, and how busy the machine is. */
export const ActivityReport = z.object({
  at: z.iso.datetime({ offset: true }),
  sessions: z.number().int().min(0),
  /** Minutes since somebody used the keyboard or the mouse; null without a session. */
  idleMinutes: z.number().int().min(0).nullable(),
  /** The load of all processors together over the last minute. */
  load: z.number().min(0),
});
export type ActivityReport = z.infer<typeof ActivityReport>;

/** The key of an instance's activity report; the instance's role can write no other. */
export const activityKey = (role: string, instanceId: string): string => `agents/${role}:${instanceId}/activity.json`;

/** Parses a report. A refusal does not quote the content, which the researcher's machine wrote. */
export function parseActivity(text: string): ActivityReport {
  if (text.length > MAX_REPORT_BYTES)
    throw new Refused('large', `A report may have at most ${MAX_REPORT_BYTES} bytes.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused('invalid', 'The activity report is not valid JSON.');
  }
  const result = ActivityReport.safeParse(json);
  if (result.success) return result.data;
  throw new Refused('invalid', 'The activity report does not have the format of a report.');
}

export interface IdleRules {
  /** Minutes without a person after which a desktop is idle. */
  readonly idleMinutes: number;
  /** A machine with at least this load calculates, so it is not idle. */
  readonly busyLoad: number;
}

const MINUTE = 60_000;

/** Agents report every five minutes. Older reports say nothing about the present. */
const STALE_MINUTES = 15;

/** The age of a report in minutes. The machine's clock is not trusted: a report from the future counts as one of now. */
const ageOf = ({ at: time }: ActivityReport, now: string): number =>
  Math.floor((Date.parse(now) - Math.min(Date.parse(time), Date.parse(now))) / MINUTE);

/** Whether a desktop says nothing about the present, for example because its agent ended. */
export const isSilent = (report: ActivityReport | undefined, now: string): boolean =>
  !report || ageOf(report, now) > STALE_MINUTES;

export type Activity =
  | { readonly state: 'used' | 'calculating' }
  | { readonly state: 'idle'; readonly since: string }
  /** No report, or an old one: a desktop that does not report is not known to be idle. */
  | { readonly state: 'unknown'; readonly reason: string };

/** When the last person was there: the last key, or for a desktop without a session its start or the last such moment. */
const lastUse = ({ at: time, idleMinutes }: ActivityReport, usedAt: string): number =>
  idleMinutes === null ? Date.parse(usedAt) : Math.max(Date.parse(usedAt), Date.parse(time) - idleMinutes * MINUTE);

/**
 * Judges whether a desktop is used. `usedAt` is the last moment at which a person is known to have been there: its start,
 * the last link into it, or the last activity on record.
 */
export function judgeActivity(
  report: ActivityReport | undefined,
  usedAt: string,
  { idleMinutes, busyLoad }: IdleRules,
  now: string,
): Activity {
  if (!report) return { state: 'unknown', reason: 'The desktop has reported no activity.' };
  if (isSilent(report, now))
    return { state: 'unknown', reason: `The desktop last reported its activity ${ageOf(report, now)} minutes ago.` };
  const time = Math.min(Date.parse(report.at), Date.parse(now));
  const used = lastUse({ ...report, at: new Date(time).toISOString() }, usedAt);
  if (Date.parse(now) - used < idleMinutes * MINUTE) return { state: 'used' };
  if (report.load >= busyLoad) return { state: 'calculating' };
  return { state: 'idle', since: new Date(used).toISOString() };
}
