import { addDays } from './bill.ts';
import type { BilledReport } from './costs.ts';
import { apportion, compareValues, divideRounded, formatMoney, microsToDecimal, toCents } from './money.ts';

/** Teams accepts messages of about 28 KB. This leaves room for the envelope of the workflow. */
export const MAX_CARD_BYTES = 25 * 1024;
const MAX_PROJECT_ROWS = 10;

type Element = Readonly<Record<string, unknown>>;

/**
 * Makes a text from outside safe to show. Only TextRuns show such texts, because they have no Markdown, while escapes in
 * TextBlocks look different in each Teams client. Characters that tags do not need are replaced, and word joiners
 * prevent Teams from turning addresses into links.
 */
export function escapeCardText(name: string): string {
  const plain = name
    .toWellFormed()
    .replace(/\s+/gu, ' ')
    .replace(/[^\p{L}\p{M}\p{N} _.:/=+@-]/gu, '·')
    .trim();
  const letters = [...plain];
  const short = letters.length > 40 ? `${letters.slice(0, 39).join('')}…` : plain;
  return short.replace(/(?<=\S)([.:/@])(?=\S)/gu, '$1\u2060') || '(no name)';
}

const text = (value: string, style: Element = {}): Element => ({
  type: 'TextBlock',
  text: value,
  wrap: true,
  ...style,
});
const run = (value: string, style: Element = {}): Element => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', text: value, ...style }],
});
const column = (width: string, ...items: Element[]): Element => ({ type: 'Column', width, items });
const columns = (items: Element[], style: Element = {}): Element => ({ type: 'ColumnSet', columns: items, ...style });

const dayForm = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
});
const shortForm = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  timeZone: 'UTC',
});
const day = (date: string, form = dayForm): string => form.format(Date.parse(`${date}T00:00:00Z`));

interface Change {
  readonly text: string;
  readonly color: 'Attention' | 'Good' | 'Default';
}

/** `▲ 12.5%`: an increase is red, a decrease green, and less than 1% grey. */
export function costChange(now: bigint, base: bigint | undefined): Change {
  if (base === undefined) return { text: '', color: 'Default' };
  const difference = now - base;
  if (base <= 0n) return now > 0n ? { text: '▲ new', color: 'Attention' } : { text: '–', color: 'Default' };
  const tenths = divideRounded(difference * 1000n, base);
  if (tenths > -10n && tenths < 10n) return { text: '≈', color: 'Default' };
  const size = tenths < 0n ? -tenths : tenths;
  const percent = size >= 10_000n ? '>999%' : `${size / 10n}.${size % 10n}%`;
  return difference > 0n ? { text: `▲ ${percent}`, color: 'Attention' } : { text: `▼ ${percent}`, color: 'Good' };
}

/** A fortnight as a line of characters, because not every client shows pictures in cards. */
export function sparkline(values: readonly bigint[]): string {
  const top = [...values].sort(compareValues).at(-1) ?? 0n;
  const level = (value: bigint) => (top <= 0n || value <= 0n ? 0 : Number(divideRounded(value * 7n, top)));
  return values.map(value => '▁▂▃▄▅▆▇█'[level(value)]).join('\u200a');
}

/** Cost by project: the largest, the others, the untagged. The displayed cents sum to the headline. */
function table(report: BilledReport, top: number): Element[] {
  const { projects, others: otherProjects, untaggedMicros, totalMicros, currency } = report;
  const [largest, rest] = [projects.slice(0, top), projects.slice(top)];
  const count = rest.length + (otherProjects?.count ?? 0);
  const remainder = rest.reduce(
    (sum, { amountMicros }) => sum + BigInt(amountMicros),
    BigInt(otherProjects?.amountMicros ?? 0),
  );
  const parts = [...largest.map(({ amountMicros }) => amountMicros), `${remainder}`, untaggedMicros].map(
    microsToDecimal,
  );
  const costs = apportion(parts, 2).map(value => formatMoney(value, currency));
  const loose = BigInt(untaggedMicros) !== 0n;
  return [
    row(text('Project', head), text('Cost', { ...head, ...right }), text('Week on week', { ...head, ...right }), {
      separator: true,
      spacing: 'Medium',
    }),
    ...largest.map(({ project, amountMicros, beforeMicros: base }, index) => {
      const { text: change, color } = costChange(BigInt(amountMicros), base === undefined ? undefined : BigInt(base));
      return row(
        run(escapeCardText(project)),
        text(costs[index] ?? '', right),
        text(change, { ...right, color, isSubtle: color === 'Default' }),
      );
    }),
    ...(count > 0 ? [row(run(`others (${count})`), text(costs[largest.length] ?? '', right), text('', right))] : []),
    row(
      run('untagged', loose ? { color: 'Warning', weight: 'Bolder' } : { isSubtle: true }),
      text(costs[largest.length + 1] ?? '', right),
      text(share(BigInt(untaggedMicros), BigInt(totalMicros)), { ...right, isSubtle: true }),
    ),
  ];
}

const right: Element = { horizontalAlignment: 'Right', wrap: false };
const head: Element = { isSubtle: true, size: 'Small', wrap: false };
const row = (name: Element, cost: Element, change: Element, style: Element = { spacing: 'Small' }): Element =>
  columns([column('stretch', name), column('100px', cost), column('95px', change)], style);

const share = (part: bigint, whole: bigint): string =>
  whole > 0n && part > 0n ? `${divideRounded(part * 100n, whole)}% of the total` : '';

/** Yesterday compared with the same weekday a week earlier and with the previous days. */
function comparisons({ date, totalMicros, lastWeekMicros, mean, currency }: BilledReport): Element[] {
  const comparison = (label: string, base: string | undefined) => {
    if (base === undefined) return [];
    const { text: change, color } = costChange(BigInt(totalMicros), BigInt(base));
    return [
      columns(
        [
          column('80px', text(change, { color, weight: 'Bolder', wrap: false })),
          column('stretch', text(`${label}, ${formatMoney(toCents(base), currency)}`, { isSubtle: true })),
        ],
        { spacing: 'Small' },
      ),
    ];
  };
  const weekday = day(date).split(',')[0];
  return [
    ...comparison(`compared with last ${weekday}`, lastWeekMicros),
    ...comparison(
      `compared with the mean of the previous ${mean?.days === 1 ? 'day' : `${mean?.days} days`}`,
      mean?.amountMicros,
    ),
  ];
}

function trend({ trend, currency }: BilledReport): Element[] {
  const values = trend.map(({ totalMicros }) => BigInt(totalMicros));
  const [first, last] = [trend[0], trend.at(-1)];
  if (!first || !last || first === last) return [];
  const sorted = [...values].sort(compareValues);
  const [low, high] = [sorted[0], sorted.at(-1)].map(value => formatMoney(toCents(`${value}`), currency));
  return [
    text(sparkline(values), { size: 'Large', color: 'Accent', wrap: false, spacing: 'Medium' }),
    text(`${day(first.date, shortForm)} to ${day(last.date, shortForm)}: ${low} to ${high} a day`, {
      size: 'Small',
      isSubtle: true,
      spacing: 'None',
    }),
  ];
}

const tile = (label: string, value: string): Element =>
  column('stretch', text(label, { size: 'Small', isSubtle: true }), text(value, { weight: 'Bolder', spacing: 'None' }));

function month({ date, month, currency }: BilledReport): Element {
  const name = day(date).split(' ')[2];
  const amount = (micros: string) => formatMoney(toCents(micros), currency);
  return columns(
    [
      tile(`${name} so far`, amount(month.totalMicros)),
      ...(month.forecastMicros === undefined ? [] : [tile(`${name} at this rate`, amount(month.forecastMicros))]),
    ],
    { separator: true, spacing: 'Medium' },
  );
}

/** Notes that explain the figures. */
function notes(report: BilledReport): string[] {
  const { date, provisional, restates, settled: settlement, untaggedMicros, month, edition, currency } = report;
  const amount = (micros: string) => formatMoney(toCents(micros), currency);
  return [
    ...(provisional
      ? [
          `Provisional: AWS may still add costs of ${day(date, shortForm)} until ${day(addDays(date, 2), shortForm)}, and change them until it closes the bill of the month.`,
        ]
      : []),
    ...(restates
      ? [
          `Edition ${edition}: AWS changed the bill. The total in edition ${restates.edition} was ${amount(restates.totalMicros)}.`,
        ]
      : []),
    ...(settlement
      ? [
          `${day(settlement.date, shortForm)} is now ${amount(settlement.totalMicros)}; it was reported as ${amount(settlement.wasMicros)}.`,
        ]
      : []),
    ...(BigInt(untaggedMicros) !== 0n
      ? ['Untagged costs belong to no project. Tag the resources that cause them.']
      : []),
    ...(month.method ? [`Forecast: ${month.method}.`] : []),
    'Unblended cost from AWS Cost Explorer, including credits and tax. Days are in UTC.',
  ];
}

/** The message for a Teams workflow around the body of an Adaptive Card. */
function envelope(fallbackText: string, body: readonly Element[]): string {
  return JSON.stringify({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.5',
          msteams: { width: 'Full' },
          fallbackText,
          body,
        },
      },
    ],
  });
}

function reportMessage(report: BilledReport, top: number): string {
  const { date, totalMicros, currency, provisional } = report;
  const headline = formatMoney(toCents(totalMicros), currency);
  return envelope(`AWS cost ${headline} on ${day(date)}`, [
    columns([
      column(
        'stretch',
        text(`AWS cost of ${day(date)}`, { isSubtle: true }),
        text(headline, { size: 'ExtraLarge', weight: 'Bolder', spacing: 'None' }),
      ),
      column('auto', text(provisional ? 'provisional' : 'final', { color: provisional ? 'Warning' : 'Good' })),
    ]),
    ...comparisons(report),
    ...trend(report),
    month(report),
    ...table(report, top),
    ...notes(report).map((note, index) =>
      text(note, {
        size: 'Small',
        isSubtle: true,
        ...(index === 0 ? { separator: true, spacing: 'Medium' } : { spacing: 'None' }),
      }),
    ),
  ]);
}

/** The message of a day for which AWS gives no figures: the reason, with its remedy. */
export const noticeCard = (date: string, reason: string): string =>
  envelope(`AWS cost of ${day(date)}: no figures`, [
    text(`AWS cost of ${day(date)}`, { isSubtle: true }),
    text('No figures', { size: 'ExtraLarge', weight: 'Bolder', spacing: 'None' }),
    run(reason),
  ]);

/** The message for a Teams workflow: an Adaptive Card 1.5 with as many projects as fit. */
export function dailyCard(report: BilledReport): string {
  for (let top = MAX_PROJECT_ROWS; ; top -= 1) {
    const message = reportMessage(report, top);
    if (Buffer.byteLength(message) <= MAX_CARD_BYTES || top === 0) return message;
  }
}
