import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { logger, stepHandler } from '../handler.ts';
import { dailyCard, noticeCard } from './card.ts';
import {
  decideReport,
  parseRetryAfter,
  type ReportCommand,
  unreachableOutcome,
  type WebhookOutcome,
  webhookOutcome,
} from './report.ts';
import { changeCostReport } from './store.ts';
import { parseWebhook } from './webhook.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  WEBHOOK_SECRET: z.string(),
  WEBHOOK_HOSTS: z.string().transform(hosts => hosts.split(',')),
});
const { TABLE_NAME, WEBHOOK_SECRET, WEBHOOK_HOSTS } = env.parse(process.env);
const secrets = new SecretsManagerClient({});

const Input = z.object({
  date: z.iso.date(),
  edition: z.number().int(),
  /** The run that sends; only one may send at a time. */
  by: z.string().min(1),
  tries: z.number().int().min(1),
  /** Why there are no figures to send; empty if there are. */
  notice: z.string(),
});

/**
 * Posts the card of an edition once. If the outcome is lost (a crash after the post, or no answer), the card may be posted
 * twice, which is better than never; both show the same edition.
 */
export const handler = stepHandler(Input, async ({ date, edition, by: sender, tries, notice }) => {
  if (notice !== '') return sendNotice(date, notice, tries);
  const claim = await change(date, { do: 'claimEdition', edition, by: sender });
  if (!claim?.take) {
    if (claim?.why === 'busy') return { outcome: 'wait', seconds: claim.seconds, reason: 'Another run is sending it.' };
    return { outcome: 'sent' };
  }
  const outcome = await post(dailyCard(claim.report), tries);
  logger.info('posted', { date, edition, tries, ...outcome });
  // A run that failed in the meantime may have replaced the claim, but the card was sent.
  if (outcome.outcome === 'sent') await change(date, { do: 'recordSent', edition });
  return outcome;
});

/** Tells the team why a day has no figures, and records it. */
async function sendNotice(date: string, reason: string, tries: number): Promise<WebhookOutcome> {
  const outcome = await post(noticeCard(date, reason), tries);
  logger.info('posted a notice', { date, tries, ...outcome });
  if (outcome.outcome === 'sent') await change(date, { do: 'recordUnsent', date, reason });
  return outcome;
}

async function change(date: string, command: ReportCommand) {
  const now = currentTime();
  return (await changeCostReport(TABLE_NAME, date, report => decideReport(report, command, now), now)).claim;
}

/** Read in each run, so that a changed address applies at once. A secret without a value means no address. */
async function address(): Promise<string | undefined> {
  try {
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: WEBHOOK_SECRET }));
    return SecretString;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Never follows a redirect, which would send the card to an unchecked host. */
async function post(body: string, tries: number): Promise<WebhookOutcome> {
  const webhook = parseWebhook(await address(), WEBHOOK_HOSTS);
  if ('reason' in webhook) return { outcome: 'refused', reason: webhook.reason };
  try {
    const answer = await fetch(webhook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(15_000),
    });
    await answer.body?.cancel();
    const wait = parseRetryAfter(answer.headers.get('retry-after'), currentTime());
    return webhookOutcome({ status: answer.status, retryAfter: wait }, tries);
  } catch (error) {
    return unreachableOutcome(codeOf(error), tries);
  }
}

/** Only the code of an error, because its message may contain the address. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
