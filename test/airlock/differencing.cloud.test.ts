import { describe, expect, it } from 'vitest';
import { airlockScene, waitForExecutionEnd } from './harness.ts';

const { cloud, people, submit, approve, settle } = airlockScene('airlock-subtraction');
const csv = (counts: readonly number[], head = 'region') =>
  `${head},n\n${counts.map((count, index) => `${head} ${index},${count}`).join('\n')}\n`;
type Params = Awaited<ReturnType<typeof approve>>;
const release = async (params: Params) => {
  await people.olga.ask('releaseRequest', { params });
  return settle(params, ['released', 'approved']);
};

describe('two requests that disclose small counts only in combination', () => {
  it('can be reviewed at the same time, but the second release is refused', async () => {
    const [first, second] = await Promise.all([
      approve({ 'before.csv': csv([1040, 998, 1207, 366]) }),
      approve({ 'after.csv': csv([1040, 1001, 1207, 366]) }),
    ]);
    expect(await release(first)).toMatchObject({ status: 'released' });
    const stop = await release(second);
    expect(stop).toMatchObject({ status: 'approved' });
    const { entered: states, status } = await waitForExecutionEnd(cloud, 'release', second.request, 2);
    expect({ status, end: states.at(-1) }).toEqual({ status: 'SUCCEEDED', end: 'Would disclose' });
    expect(states).not.toContain('Copy');
    const { items } = await people.walt.ask('listTrail', { params: second });
    const message = items.find(({ name }) => name === 'ReleaseStopped')?.message;
    expect(message).toMatch(/after\.csv/);
    expect(message).toMatch(
      new RegExp(`before\\.csv” of release ${first.request}.*row 3, column 2 and there row 3, column 2 \\(3 apart\\)`),
    );
    expect(message).not.toMatch(/998|1001/);
    // Asked again it is the same; submitted again it is blocked before anybody sees it.
    expect(await release(second)).toMatchObject({ status: 'approved' });
    const { params } = await submit({ 'after.csv': csv([1040, 1001, 1207, 366]) });
    const block = await settle(params, ['blocked']);
    expect(block.report?.first[0]).toMatchObject({ path: 'after.csv', rule: 'sdc.differencing' });
    const { items: reports } = await people.vera.ask('showChecks', { params });
    expect(reports[0]?.findings[0]?.cells).toEqual([{ row: 3, column: 2, value: '1001' }]);
  });

  it('are released one after the other when started at the same moment and nothing is disclosed', async () => {
    const results = await Promise.all(
      ['ward', 'school'].map(name => approve({ 't.csv': csv([1040, 998, 1207, 366], name) })),
    );
    for (const { status } of await Promise.all(results.map(release))) expect(status).toBe('released');
    const courses = await Promise.all(results.map(({ request }) => waitForExecutionEnd(cloud, 'release', request, 2)));
    expect(courses.map(({ end }) => end)).toEqual(['Released', 'Released']);
    for (const { entered: states } of courses) expect(states.filter(name => name === 'Copy')).toHaveLength(1);
  });
});

it('compares the files of one request with each other, even if different workers checked them', async () => {
  const { params } = await submit({
    'all.csv': csv([440, 398, 507], 'site'),
    'some.csv': csv([437, 398, 507], 'site'),
  });
  const { report } = await settle(params, ['blocked']);
  expect(report?.first).toMatchObject([{ path: 'some.csv', file: 2, rule: 'sdc.differencing' }]);
  const { items } = await people.vera.ask('showChecks', { params });
  expect(items.flatMap(({ path, findings }) => findings.map(({ rule }) => [path, rule]))).toEqual([
    ['some.csv', 'sdc.differencing'],
  ]);
});
