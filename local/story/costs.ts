import { seedBill } from '../bill.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { pollUntilSettled } from './until.ts';

/** A plausible month of bills, and the card that goes to the team every morning. */
export const tellCosts: ChapterTeller = async (stage, tell) => {
  const olga = stage.as('olga');
  const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  const yesterday = day(-1);
  await seedBill({
    moto: stage.facts.moto,
    // Later mornings need a bill too, as the embedded cloud may run for days.
    dates: [-1, 0, 1, 2, 3, 4, 5, 6].map(day),
    projects: ['asthma', 'sepsis', 'diabetes'],
    seed: 'story',
    tag: 'broch:project',
  });

  await tell('Morning comes: the bill is collected and the card posted', async () => {
    const cardCount = stage.inbox.cards().length;
    await olga.ask('reportCosts', { body: { date: yesterday } });
    const report = await pollUntilSettled(
      () => olga.ask('showReport', { params: { date: yesterday } }).catch(() => undefined),
      report => report?.status === 'sent' || report?.status === 'unsent' || report?.status === 'unbilled',
    );
    assertHolds(report?.status === 'sent', `the report is ${JSON.stringify(report)}`);
    assertHolds(stage.inbox.cards().length === cardCount + 1, `the inbox has ${stage.inbox.cards().length} cards`);
    const sum = report.projects.reduce((total, { amountMicros }) => total + BigInt(amountMicros), 0n);
    return {
      message: `${yesterday} cost ${(Number(report.totalMicros) / 1e6).toFixed(2)} ${report.currency}, of which ${(Number(sum) / 1e6).toFixed(2)} for ${report.projects.length} projects. The card is in the inbox: ${stage.inbox.url}`,
      ids: { report: report.date, inbox: stage.inbox.url },
    };
  });

  await tell('The same report is asked for again', async () => {
    const postCount = stage.inbox.posts();
    await olga.ask('reportCosts', { body: { date: yesterday } });
    await new Promise(resolve => setTimeout(resolve, 1500));
    assertHolds(stage.inbox.posts() === postCount, 'the card was posted twice');
    return {
      message:
        'Nothing is posted, because the bill has not changed since. If AWS corrects the bill, the team gets a new edition.',
    };
  });
};
