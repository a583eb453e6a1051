import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { addDays, dayBefore } from './bill.ts';
import { type BilledReport, CollectedReport, CostFigures, type CostReport } from './costs.ts';
import { CostReported, CostReportFailed } from './events.ts';

/** A day is provisional until two days after its start, because AWS adds costs for about 24 hours after its end. */
export const isProvisional = (date: string, now: string): boolean => date >= dayBefore(now);

/** Cost Explorer keeps daily figures for a little more than a year. */
const oldest = 365;

/** The day of a requested report (by default yesterday), and the name of its run: one for each day and second. */
export function resolveReportRun(date: string | undefined, now: string): { date: string; name: string } {
  const newest = dayBefore(now);
  const day = date ?? newest;
  if (day > newest)
    throw new Refused('invalid', `${day} has no bill yet. The newest day that can be reported is ${newest}.`);
  if (day < addDays(newest, -oldest))
    throw new Refused('invalid', `Cost Explorer no longer has daily figures for ${day}. Choose a later day.`);
  return { date: day, name: `${day}-asked-${now.replaceAll(/\D/g, '').slice(0, 14)}` };
}

const billedReport = (report: CostReport | undefined): BilledReport | undefined =>
  report && report.status !== 'unbilled' ? report : undefined;

/** Whether a reader would see no difference. */
const equalFigures = (a: CostFigures, b: CostFigures): boolean =>
  JSON.stringify(CostFigures.parse(a)) === JSON.stringify(CostFigures.parse(b));

/**
 * Adds a collected bill to the report of its day: the same figures change nothing, other figures make a new edition,
 * which is sent again. `eve` is the report of the previous day, which AWS has completed by now.
 */
export function applyFigures(
  current: CostReport | undefined,
  figures: CostFigures,
  { now, eve, estimated = false }: { now: string; eve?: CostReport | undefined; estimated?: boolean },
): BilledReport {
  const previousReport = billedReport(current);
  const open = estimated || isProvisional(figures.date, now);
  if (previousReport && equalFigures(previousReport, figures)) return { ...previousReport, provisional: open };
  const eveReport = billedReport(eve);
  const restates =
    previousReport?.status === 'sent'
      ? { edition: previousReport.edition, totalMicros: previousReport.totalMicros }
      : previousReport?.restates;
  const finalDay = figures.trend.find(({ date }) => date === eveReport?.date);
  return {
    status: 'collected',
    ...figures,
    edition: (previousReport?.edition ?? 0) + 1,
    provisional: open,
    collectedAt: now,
    ...(restates && { restates }),
    ...(eveReport && finalDay && finalDay.totalMicros !== eveReport.totalMicros
      ? { settled: { date: eveReport.date, totalMicros: finalDay.totalMicros, wasMicros: eveReport.totalMicros } }
      : {}),
  };
}

/** Longer than one attempt to send can last, so that a claim expires only if its holder has stopped. */
export const CLAIM_SECONDS = 60;

export type EditionClaim =
  | { readonly take: true; readonly report: Extract<CostReport, { status: 'sending' }> }
  | { readonly take: false; readonly why: 'sent' | 'superseded' }
  | { readonly take: false; readonly why: 'busy'; readonly seconds: number };

/** Whether `by` may post this edition now: one sender at a time, and none after it was accepted. A sender may claim again. */
export function claimEdition(
  current: BilledReport,
  edition: number,
  { by: sender, now }: { by: string; now: string },
): EditionClaim {
  if (current.edition !== edition) return { take: false, why: 'superseded' };
  if (current.status === 'sent') return { take: false, why: 'sent' };
  const remainingSeconds =
    current.status === 'sending' ? Math.ceil((Date.parse(current.until) - Date.parse(now)) / 1000) : 0;
  if (current.status === 'sending' && current.by !== sender && remainingSeconds > 0)
    return { take: false, why: 'busy', seconds: Math.min(remainingSeconds, CLAIM_SECONDS) };
  const claimEnd = new Date(Date.parse(now) + CLAIM_SECONDS * 1000).toISOString();
  return { take: true, report: { ...plain(current), status: 'sending', by: sender, until: claimEnd } };
}

/** A report without the fields of its status. */
const plain = (report: BilledReport) => CollectedReport.parse(report);

export const markSent = (report: BilledReport, now: string): CostReport => ({
  ...plain(report),
  status: 'sent',
  sentAt: now,
});

/** Records that a run ended without sending the card. A sent report stays sent; the figures are kept for another run. */
export function markUnsent(
  current: CostReport | undefined,
  { date, reason, now }: { date: string; reason: string; now: string },
): CostReport {
  const currentReport = billedReport(current);
  if (!currentReport) return { status: 'unbilled', date, reason, failedAt: now };
  if (currentReport.status === 'sent') return currentReport;
  return { ...plain(currentReport), status: 'unsent', reason, failedAt: now };
}

/** The commands of the steps of a run. */
export type ReportCommand =
  | { do: 'recordFigures'; figures: CostFigures; eve: CostReport | undefined; estimated: boolean }
  | { do: 'claimEdition'; edition: number; by: string }
  | { do: 'recordSent'; edition: number }
  | { do: 'recordUnsent'; date: string; reason: string };

export interface ReportDecision extends Decision<CostReport | undefined> {
  /** Whether the run may send the edition now. */
  readonly claim?: EditionClaim;
}

/** Decides the next state of a day's report; undefined before the first run of that day. */
export function decideReport(current: CostReport | undefined, command: ReportCommand, now: string): ReportDecision {
  switch (command.do) {
    case 'recordFigures': {
      const { figures, eve, estimated } = command;
      return {
        state: applyFigures(current, figures, { now, eve, estimated }),
        events: [],
        reason: 'the bill was collected',
      };
    }
    case 'claimEdition': {
      const currentReport = billedReport(current);
      if (!currentReport) throw new Error('there is no report to send');
      const claim = claimEdition(currentReport, command.edition, { by: command.by, now });
      const state = claim.take ? claim.report : current;
      return { ...keepState(state, claim.take ? 'one run at a time sends' : claim.why), claim };
    }
    case 'recordSent': {
      const currentReport = billedReport(current);
      // A newer edition has a run of its own that sends it.
      if (!currentReport || currentReport.status === 'sent' || currentReport.edition !== command.edition)
        return keepState(current, 'another run recorded it');
      return {
        state: markSent(currentReport, now),
        events: [outgoingEvent(CostReported, currentReport)],
        reason: 'the webhook accepted the card',
      };
    }
    case 'recordUnsent': {
      const { date, reason } = command;
      const state = markUnsent(current, { date, reason, now });
      if (state === current) return keepState(current, 'the card was sent before');
      return { state, events: [outgoingEvent(CostReportFailed, { date, reason })], reason };
    }
  }
}

export type WebhookOutcome =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'wait'; readonly seconds: number; readonly reason: string }
  | { readonly outcome: 'refused'; readonly reason: string };

/** The longest wait; after it, the next daily run sends the card. */
export const MAX_WAIT_SECONDS = 3600;

/** Seconds to wait before attempt `tries` + 1 if the server names none: 30, 60, 120 … at most 15 minutes. */
const backoff = (tries: number): number => Math.min(30 * 2 ** (tries - 1), 900);

/** Parses Retry-After as seconds or as a date (RFC 9110); undefined if it is neither. */
export function parseRetryAfter(header: string | null, now: string): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header);
  const retryTime = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(retryTime) ? undefined : Math.max(0, Math.ceil((retryTime - Date.parse(now)) / 1000));
}

/** Interprets an answer of the webhook. 202 means that the workflow accepted the card, not that it is in the channel. */
export function webhookOutcome(
  answer: { status: number; retryAfter?: number | undefined },
  tries: number,
): WebhookOutcome {
  const { status } = answer;
  if (status >= 200 && status < 300) return { outcome: 'sent' };
  if (status === 429 || status === 408 || status >= 500) {
    const reason = `The webhook answered with status ${status}.`;
    const seconds = Math.max(answer.retryAfter ?? backoff(tries), 1);
    if (seconds <= MAX_WAIT_SECONDS) return { outcome: 'wait', seconds, reason };
    return {
      outcome: 'refused',
      reason: `${reason} It asks to wait ${seconds} seconds, which is longer than a run lasts. The next run sends the card.`,
    };
  }
  return { outcome: 'refused', reason: `The webhook answered with status ${status}. ${remedies[status] ?? remedy}` };
}

const remedy = 'Check the workflow in Teams and its address in the secret.';
const remedies: Readonly<Record<number, string>> = {
  401: 'Its signature is wrong: copy the whole address, with sig=, from the workflow into the secret.',
  403: 'Its signature is wrong: copy the whole address, with sig=, from the workflow into the secret.',
  404: 'The workflow was deleted or turned off: create it again and put its new address into the secret.',
  413: 'The card is too large. Tell the developers of Broch.',
};

/** The webhook could not be reached. `code` is that of the network error, such as ECONNREFUSED. */
export const unreachableOutcome = (code: string, tries: number): WebhookOutcome => ({
  outcome: 'wait',
  seconds: backoff(tries),
  reason: `The webhook could not be reached (${code}). Check its address in the secret.`,
});
