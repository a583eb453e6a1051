import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { logger, stepHandler } from '../handler.ts';
import { dailyCard } from './card.ts';
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
  /** The run that sends: only one may at a time. */
  by: z.string().min(1),
  tries: z.number().int().min(1),
});

/**
 * Posts the card of an edition, once. A card whose outcome got lost (a crash between the post and the write, an answer
 * that never came) may be posted twice: better than never, and the edition on it tells.
 */
export const handler = stepHandler(Input, async ({ date, edition, by, tries }): Promise<WebhookOutcome> => {
  const claimed = await change(date, { do: 'claimEdition', edition, by });
  if (!claimed?.take) {
    if (claimed?.why === 'busy')
      return { outcome: 'wait', seconds: claimed.seconds, reason: 'Another run is sending it.' };
    return { outcome: 'sent' };
  }
  const checked = parseWebhook(await address(), WEBHOOK_HOSTS);
  if ('reason' in checked) return { outcome: 'refused', reason: checked.reason };
  const outcome = await post(checked.url, dailyCard(claimed.report), tries);
  logger.info('posted', { date, edition, tries, ...outcome });
  // A run that gave up in the meantime may have written over the claim. The card was sent all the same.
  if (outcome.outcome === 'sent') await change(date, { do: 'recordSent', edition });
  return outcome;
});

async function change(date: string, command: ReportCommand) {
  const now = currentTime();
  return (await changeCostReport(TABLE_NAME, date, report => decideReport(report, command, now), now)).claim;
}

/** Read at each run, so that a changed address counts at once. A secret without a value reads as none. */
async function address(): Promise<string | undefined> {
  try {
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: WEBHOOK_SECRET }));
    return SecretString;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Never follows a redirect: it would carry the card to a host that nobody checked. */
async function post(url: URL, body: string, tries: number): Promise<WebhookOutcome> {
  try {
    const answer = await fetch(url, {
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

/** The error's code only: messages may hold the address. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
