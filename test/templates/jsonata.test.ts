import { readdirSync } from 'node:fs';
import jsonata from 'jsonata';
import { describe, expect, it } from 'vitest';
import { readSource } from '../house/sources.ts';

/** One value for every field and every variable that the state machines name. */
const values: Readonly<Record<string, unknown>> = {
  ...{ project: 'asthma', attempt: 1, cidr: '10.64.0.0/22', subnets: ['10.64.0.0/23', '10.64.2.0/23'] },
  ...{ status: 'built', network: { vpcId: 'vpc-0' }, reason: 'a reason', failure: { cause: 'a cause' } },
  ...{ checks: 1, rollbacks: 1, rolledBack: false, prefixLists: { s3: 'pl-0' }, zones: ['a', 'b'], block: {} },
  ...{ from: 'review', outcome: 'ready', waiting: 60, seconds: 60, turn: 1, fault: 'Tampered', releases: 1 },
  ...{ round: 1, into: 'a/', chunk: 'a', chunks: ['a', 'b'], bucket: 'a', source: 'a/', policy: {}, settingsBy: [] },
  ...{ parts: [], known: false, findings: [], found: 0, dataset: 'a', version: 'a', manifest: 'a', digest: 'a' },
  ...{ files: 1, bytes: 1, sorted: 'a', sealed: [{}], copied: [{}], verified: [{}], check: {}, since: '2026-11-01' },
  ...{ date: '2026-11-01', started: '2026-11-01', edition: 1, tries: 1, collections: 1, by: 'a', left: true },
  ...{ caught: { Error: 'Refused' }, error: 'Refused' },
  ...{ ended: 1, total: 1, rounds: 1, automatic: true },
  ...{ run: 'er-0', deadlines: ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'] },
  ...{ step: {}, wakes: 1, looks: 1, next: 'seal' },
  ...{
    subject: { project: 'asthma' },
    passes: [{ measures: 'a' }],
    named: { outcome: 'named', reason: 'a', version: 'a' },
  },
  ...{ notice: 'a reason', unscanned: false, waitSeconds: 900, pauseSeconds: 900 },
};
const states = {
  input: values,
  result: {
    ...values,
    Payload: values,
    PrefixLists: [{ PrefixListName: 'com.amazonaws.eu-west-2.s3', PrefixListId: 'pl-0' }],
    AvailabilityZones: ['c', 'a', 'b'].map(letter => ({ ZoneName: `eu-west-2${letter}`, State: 'available' })),
  },
  errorOutput: { Error: 'States.TaskFailed', Cause: 'a cause' },
  context: { Execution: { Name: 'a', StartTime: '2026-11-01T00:00:00Z' }, Task: { Token: 'a' } },
};
const plan = { ...values, outcome: 'ready' };

/** Replaces what the deployment puts into the files. */
const substitute = (text: string) => text.replaceAll(/\$\{Region\}/g, 'eu-west-2').replaceAll(/\$\{\w+\}/g, 'x');

interface Expression {
  readonly place: string;
  readonly field: string;
  readonly text: string;
}

function listExpressions(place: string, field: string, value: unknown): Expression[] {
  if (typeof value === 'string') {
    const [, text] = /^\{%(.*)%\}$/s.exec(value) ?? [];
    return text === undefined ? [] : [{ place, field, text: substitute(text) }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => listExpressions(`${place}/${name}`, name, inner));
}

/** Names that a machine gives values to. */
function listAssigned(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Assign = {} } = value as { Assign?: object };
  return [...Object.keys(Assign), ...Object.values(value).flatMap(listAssigned)];
}

const machines = readdirSync('state-machines').map(file => {
  const definition: unknown = JSON.parse(readSource(`state-machines/${file}`));
  return { file, assigned: new Set(listAssigned(definition)), expressions: listExpressions(file, '', definition) };
});
const expressions = machines.flatMap(machine => machine.expressions);

/** In the airlock's machines an attempt is an object. */
const airlockAttempt = { project: 'asthma', request: 'ar-0', round: 1 };

const evaluate = ({ place, text }: Pick<Expression, 'place' | 'text'>): Promise<unknown> =>
  jsonata(text).evaluate(
    {},
    { ...values, plan, states, ...(place.startsWith('airlock') && { attempt: airlockAttempt }) },
  );

/** The kinds of value that Step Functions takes in a field; in all others it takes any but none. */
const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  Condition: value => typeof value === 'boolean',
  Seconds: Number.isInteger,
  TimeoutSeconds: value => Number.isInteger(value) && Number(value) > 0,
  Items: Array.isArray,
};

describe('the JSONata of the state machines', () => {
  it('is all read by this test', () => expect(expressions.length).toBeGreaterThan(140));

  // https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html: an expression without a value fails.
  it.each(expressions)('$place has a value of the right kind', async ({ place, field, text }) => {
    const value = await evaluate({ place, text });
    expect(value).toBeDefined();
    expect(kinds[field]?.(value) ?? true, JSON.stringify(value)).toBe(true);
  });

  it.each(machines)('$file names only variables that it assigns, and no $eval', ({ assigned, expressions }) => {
    const functions = ['exists', 'not', 'merge', 'sift', 'now', 'count', 'sort', 'states', 'value', 'name'];
    const names = expressions.flatMap(({ text }) => [...text.matchAll(/\$(\w+)/g)].map(([, name = '']) => name));
    expect([...new Set(names)].filter(name => !assigned.has(name) && !functions.includes(name))).toEqual([]);
  });

  it('selects the first two Availability Zones that are available', async () => {
    const expression = expressions.find(({ field }) => field === 'zones') ?? expect.fail();
    expect(JSON.stringify(await evaluate(expression))).toBe('["eu-west-2a","eu-west-2b"]');
  });

  it('makes this test fail if an expression does not parse or has no value', async () => {
    await expect(async () => evaluate({ place: 'a', text: '$merge([' })).rejects.toThrow();
    expect(await evaluate({ place: 'a', text: '$states.input.nothing' })).toBeUndefined();
  });
});
