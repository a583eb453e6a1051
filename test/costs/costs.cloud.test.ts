import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentFor, createApiClient } from '../../bin/cli/call.ts';
import { addDays, dayBefore } from '../../functions/costs/bill.ts';
import type { BilledReport } from '../../functions/costs/costs.ts';
import { seedBill } from '../../local/bill.ts';
import { type Inbox, openInbox } from '../../local/inbox.ts';
import { enrolLocalPerson, keepLocalSession, signInLocalPerson } from '../../local/people.ts';
import { connectTestCloud } from '../cloud.ts';
import { createCostsHarness } from './team.ts';

const { moto, ca, certificateKey, log, api, outputs, region, endpoint, account, configuration } = connectTestCloud();
const yesterday = dayBefore(new Date().toISOString());
/** Each test has a day of its own. */
const day = (back: number) => addDays(yesterday, -back);
const bill = { moto, projects: ['asthma', 'stroke', 'diabetes'], seed: 'test', tag: 'broch:project' };

let inbox: Inbox;
let harness: Awaited<ReturnType<typeof createCostsHarness>>;
let findEvents: (date: string) => Promise<{ 'detail-type': string; detail: { reason?: string } }[]>;
const billedReport = async (date: string) => (await harness.report(date)) as BilledReport;

beforeAll(async () => {
  inbox = await openInbox({ ca, certificateKey });
  harness = await createCostsHarness();
  findEvents = await harness.listen();
  await seedBill({ ...bill, dates: Array.from({ length: 12 }, (_, back) => day(back)) });
});
afterAll(() => inbox?.close());

/** What a run made arrive at the inbox. */
async function countPosts<T>(run: () => Promise<T>) {
  const [posts, cards] = [inbox.posts(), inbox.cards().length];
  const execution = await run();
  return { execution, posts: inbox.posts() - posts, cards: inbox.cards().length - cards };
}

describe('a run without a valid webhook address', () => {
  it('keeps the report and says how to send it when there is no webhook address', async () => {
    const { status, error, cause } = await harness.run({ date: day(1) });
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'Unsent' });
    expect(cause).toContain('There is no webhook address yet');
    const report = await billedReport(day(1));
    expect(report).toMatchObject({ status: 'unsent', reason: cause, edition: 1 });
    expect(report.projects).toHaveLength(3);
    await expect
      .poll(() => findEvents(day(1)))
      .toMatchObject([{ 'detail-type': 'CostReportFailed', detail: { reason: cause } }]);
  });

  it.each([
    ['https://contoso.webhook.office.com/webhookb2/1', 'Office 365 connectors'],
    ['http://127.0.0.1/x', 'https'],
    ['https://evil.example/x', 'not in the list of allowed hosts'],
  ])('sends no report to the address %s', async (address, reason) => {
    await harness.setWebhook(address);
    const { error, cause } = await harness.run({ date: day(1) });
    expect([error, cause]).toEqual(['Unsent', expect.stringContaining(reason)]);
  });
});

describe('a run with a webhook', () => {
  beforeAll(() => harness.setWebhook(inbox.webhook));

  it('sends the report of yesterday by default, and only once', async () => {
    const first = await countPosts(() => harness.run());
    expect(first).toMatchObject({ execution: { status: 'SUCCEEDED' }, posts: 1, cards: 1 });
    const report = await billedReport(yesterday);
    expect(report).toMatchObject({ status: 'sent', edition: 1, provisional: true, currency: 'USD' });
    const parts = [...report.projects.map(({ amountMicros }) => amountMicros), report.untaggedMicros];
    expect(parts.reduce((sum, amount) => sum + BigInt(amount), 0n)).toBe(BigInt(report.totalMicros));
    expect(report.trend).toHaveLength(14);
    await expect
      .poll(() => findEvents(yesterday))
      .toMatchObject([{ 'detail-type': 'CostReported', detail: { edition: 1 } }]);
    expect(await countPosts(() => harness.run())).toMatchObject({ execution: { status: 'SUCCEEDED' }, posts: 0 });
    expect(await billedReport(yesterday)).toEqual(report);
  });

  it('sends an unsent report in the next run', async () => {
    expect(await countPosts(() => harness.run({ date: day(1) }))).toMatchObject({
      execution: { status: 'SUCCEEDED' },
      cards: 1,
    });
    expect(await billedReport(day(1))).toMatchObject({ status: 'sent', edition: 1, provisional: true });
  });

  it('sends one card when two runs work at the same time', async () => {
    const runPair = () => Promise.all([harness.run({ date: day(2) }), harness.run({ date: day(2) })]);
    const { execution, posts } = await countPosts(runPair);
    expect(posts).toBe(1);
    expect(execution.map(({ status }) => status)).toContain('SUCCEEDED');
    expect(await billedReport(day(2))).toMatchObject({ status: 'sent' });
  });

  it('waits as long as the webhook asks, and retries after faults of the webhook', async () => {
    inbox.trouble({ status: 429, retryAfter: 17 }, { status: 502 }, { status: 500 });
    const { execution, posts, cards } = await countPosts(() => harness.run({ date: day(3) }));
    expect({ status: execution.status, posts, cards }).toEqual({ status: 'SUCCEEDED', posts: 4, cards: 1 });
    expect(execution.history).toMatch(/WaitToSend.*seconds\\": ?17/);
  });

  it('ends unsent after six tries, keeps the report, and sends it in the next run', async () => {
    inbox.trouble(...Array.from({ length: 6 }, () => ({ status: 503 })));
    const { execution, posts } = await countPosts(() => harness.run({ date: day(4) }));
    expect({ error: execution.error, posts }).toEqual({ error: 'Unsent', posts: 6 });
    expect(await billedReport(day(4))).toMatchObject({
      status: 'unsent',
      reason: 'The webhook answered with status 503.',
    });
    expect(await countPosts(() => harness.run({ date: day(4) }))).toMatchObject({
      execution: { status: 'SUCCEEDED' },
      cards: 1,
    });
  });

  it.each([
    [{ status: 401 }, 'signature is wrong'],
    [{ status: 404 }, 'workflow was deleted'],
    [{ status: 302 }, 'answered with status 302'],
    [{ status: 429, retryAfter: 86_400 }, 'longer than a run lasts'],
  ])('does not retry after the answer %j', async (trouble, reason) => {
    inbox.trouble(trouble);
    const { execution, posts } = await countPosts(() => harness.run({ date: day(5) }));
    expect([execution.error, execution.cause, posts]).toEqual(['Unsent', expect.stringContaining(reason), 1]);
  });

  it('reports an unreachable webhook without its secret address', async () => {
    const closedInbox = await openInbox({ ca, certificateKey });
    await closedInbox.close();
    await harness.setWebhook(closedInbox.webhook);
    const { error, cause } = await harness.run({ date: day(6) });
    await harness.setWebhook(inbox.webhook);
    expect([error, cause]).toEqual([
      'Unsent',
      'The webhook could not be reached (ECONNREFUSED). Check its address in the secret.',
    ]);
  });

  it('posts the reason and the remedy when Cost Explorer is closed, and does not fail', async () => {
    const reason = 'Cost Explorer is not enabled. Open it once.';
    const machine = await harness.createClosedMachine(day(21), reason);
    const { execution, cards } = await countPosts(() => harness.run({ date: day(21) }, machine));
    expect([execution.status, cards]).toEqual(['SUCCEEDED', 1]);
    expect(JSON.stringify(inbox.cards())).toContain(reason);
    expect(await harness.report(day(21))).toMatchObject({ status: 'unbilled', reason });
  });

  it('collects a missing bill again each hour, and in the end records that there is none', async () => {
    const empty = day(20);
    const { execution, posts } = await countPosts(() => harness.run({ date: empty }));
    expect([execution.error, posts]).toEqual(['Unsent', 0]);
    expect(await harness.report(empty)).toMatchObject({
      status: 'unbilled',
      reason: expect.stringContaining('no figures'),
    });
    expect(execution.history.split('WaitForBill').length).toBeGreaterThan(5);
    await seedBill({ ...bill, dates: [empty], again: true });
    expect(await countPosts(() => harness.run({ date: empty }))).toMatchObject({
      execution: { status: 'SUCCEEDED' },
      cards: 1,
    });
    expect(await billedReport(empty)).toMatchObject({ status: 'sent', edition: 1 });
  });

  it('sends a new edition when AWS changes the bill', async () => {
    await seedBill({ ...bill, seed: 'changed', dates: [yesterday], again: true });
    const firstEdition = await billedReport(yesterday);
    expect(await countPosts(() => harness.run())).toMatchObject({ execution: { status: 'SUCCEEDED' }, cards: 1 });
    expect(await billedReport(yesterday)).toMatchObject({
      status: 'sent',
      edition: 2,
      restates: { edition: 1, totalMicros: firstEdition.totalMicros },
      settled: { date: day(1) },
    });
  });

  it('ends unsent with a reason when the bill is invalid', async () => {
    await fetch(`${moto}/moto-api/static/ce/cost-and-usage-results`, {
      method: 'POST',
      body: JSON.stringify({
        results: [
          {
            ResultsByTime: [
              { TimePeriod: { Start: day(30), End: day(29) }, Groups: [{ Keys: ['other$x'], Metrics: {} }] },
            ],
          },
        ],
      }),
    });
    const { error, cause } = await harness.run({ date: day(30) });
    expect([error, cause]).toEqual(['Unsent', expect.stringContaining('could not be collected')]);
  });

  it('ends unsent when the sending function is missing, and sends the card in the next run', async () => {
    await seedBill({ ...bill, dates: [day(9)] });
    const execution = await harness.run({ date: day(9) }, await harness.createBrokenMachine('Send'));
    expect(execution).toMatchObject({ error: 'Unsent', cause: expect.stringContaining('could not be sent') });
    expect(await countPosts(() => harness.run({ date: day(9) }))).toMatchObject({
      execution: { status: 'SUCCEEDED' },
      posts: 1,
    });
  });

  it('ends with the reason even when it cannot record the failure', async () => {
    const execution = await harness.run({ date: day(40) }, await harness.createBrokenMachine('RecordFailure'));
    expect(execution).toMatchObject({ error: 'Unsent', cause: expect.stringContaining('no figures') });
  });

  it('writes the secret webhook address into no history and no log', async () => {
    const signature = new URL(inbox.webhook).searchParams.get('sig') ?? '';
    await seedBill({ ...bill, dates: [day(7)] });
    const { status, history } = await harness.run({ date: day(7) });
    expect(status).toBe('SUCCEEDED');
    expect(history).not.toContain(signature);
    expect(readFileSync(log, 'utf8')).not.toContain(signature);
  });
});

describe('the routes of cost reports', () => {
  const place = {
    name: 'costs',
    api,
    pool: outputs['data.Pool'] ?? '',
    client: outputs['data.Client'] ?? '',
    region,
    embedded: { endpoint, account, ca: readFileSync(ca, 'utf8'), people: [] },
  };
  const agent = agentFor(place);
  afterAll(() => agent.destroy());
  const signIn = async (name: string, role: 'operator' | 'steward' | 'researcher') => {
    const tokens = await signInLocalPerson(place, await enrolLocalPerson(place, configuration, name, role));
    return createApiClient(
      place,
      agent,
      keepLocalSession(place, async () => tokens),
    );
  };

  it('lets operators request a report and staff read it, and refuses everybody else', async () => {
    const [operator, steward, researcher] = [
      await signIn('costs-operator', 'operator'),
      await signIn('costs-steward', 'steward'),
      await signIn('costs-researcher', 'researcher'),
    ];
    await seedBill({ ...bill, dates: [day(8)] });
    expect(await operator.ask('reportCosts', { body: { date: day(8) } })).toEqual({ date: day(8) });
    await expect.poll(() => harness.report(day(8)), { timeout: 300_000 }).toMatchObject({ status: 'sent' });
    expect(await steward.ask('showReport', { params: { date: day(8) } })).toMatchObject({ status: 'sent', edition: 1 });
    const { items, next } = await steward.ask('listReports', { query: { limit: 2 } });
    expect(items.map(({ date }) => date)).toEqual([yesterday, day(1)]);
    const secondPage = await steward.ask('listReports', { query: { limit: 2, next } });
    expect(secondPage.items[0]?.date).toBe(day(2));
    await expect(operator.ask('reportCosts', { body: { date: addDays(yesterday, 1) } })).rejects.toThrow('no bill yet');
    await expect(steward.ask('reportCosts', { body: {} })).rejects.toThrow('Only operators can do this');
    await expect(researcher.ask('listReports')).rejects.toThrow('Only operators or data stewards');
    await expect(steward.ask('showReport', { params: { date: '2020-01-01' } })).rejects.toThrow('no cost report');
  });
});
