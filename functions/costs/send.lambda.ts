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
  claimEdition,
  markSent,
  parseRetryAfter,
  unreachableOutcome,
  type WebhookOutcome,
  webhookOutcome,
} from './report.ts';
import { readCostReport, writeCostReport } from './store.ts';
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
  const current = await readCostReport(TABLE_NAME, date);
  if (!current || current.status === 'unbilled') throw new Error(`there is no report of ${date} to send`);
  const claimed = claimEdition(current, edition, { by, now: currentTime() });
  if (!claimed.take) {
    if (claimed.why === 'busy')
      return { outcome: 'wait', seconds: claimed.seconds, reason: 'Another run is sending it.' };
    return { outcome: 'sent' };
  }
  const checked = parseWebhook(await address(), WEBHOOK_HOSTS);
  if ('reason' in checked) return { outcome: 'refused', reason: checked.reason };
  if (!(await writeCostReport(TABLE_NAME, claimed.report, current)))
    return { outcome: 'wait', seconds: 1, reason: 'Another run was faster.' };
  const outcome = await post(checked.url, dailyCard(claimed.report), tries);
  logger.info('posted', { date, edition, tries, ...outcome });
  if (outcome.outcome !== 'sent') return outcome;
  await keepSent(claimed.report);
  return outcome;
});

/** A run that gave up meanwhile may have written over the claim; the card is out all the same. */
async function keepSent({ date, edition }: { date: string; edition: number }): Promise<void> {
  for (let left = 5; left > 0; left -= 1) {
    const current = await readCostReport(TABLE_NAME, date);
    // A newer edition has a run of its own that sends it.
    if (!current || current.status === 'unbilled' || current.status === 'sent' || current.edition !== edition) return;
    if (await writeCostReport(TABLE_NAME, markSent(current, currentTime()), current)) return;
  }
  throw new Error(`the card of ${date} is out, but its report keeps changing`);
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
