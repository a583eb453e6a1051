import { beforeAll, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { enrolJourneyPeople, makeFolder, type TypeLine } from './journey.ts';

const cloud = connectTestCloud();
const project = 'journey-ages';
let people: Record<'jour-olga' | 'jour-rana' | 'jour-vera' | 'jour-viktor', TypeLine>;
const folder = makeFolder({
  'ages.csv': 'region,min age,max age,people\nDundee,18,97,142\nPerth,18,99,88\nAngus,20,91,161\n',
});
let request: string;

/** The id that a command printed. */
const idIn = (output: string): string => /al-[0-9a-f]{16}/.exec(output)?.[0] ?? '';

beforeAll(async () => {
  people = await enrolJourneyPeople(cloud, {
    'jour-olga': 'operator',
    'jour-rana': 'researcher',
    'jour-vera': 'reviewer',
    'jour-viktor': 'reviewer',
  });
  const olga = people['jour-olga'];
  expect((await olga(`broch project create --id ${project} --title 'Ages by region'`)).code).toBe(0);
  expect((await olga(`broch watch project ${project}`)).code).toBe(0);
  expect((await olga(`broch member add ${project} jour-rana --roles researcher`)).code).toBe(0);
});

it('a researcher sees what each pattern takes, is asked to explain, and gets the request before reviewers', async () => {
  const rana = people['jour-rana'];
  expect((await rana(`broch workspace ask ${project} --kind desktop`)).code).toBe(0);
  expect((await rana(`broch try save ${folder} ${project} data/outbox/ages/`)).output).toContain('Saved 1 file');
  const draft = await rana(
    `broch airlock draft ${project} --title Ages --source data/outbox/ages/ --table '*.csv' --purpose 'Table 1'`,
  );
  request = idIn(draft.output);
  expect(draft.err).toContain(`broch airlock submit ${project} ${request} --folder <folder>`);

  const submission = await rana(`broch airlock submit ${project} ${request} --folder ${folder}`, [
    '',
    'y',
    'The ages are of the whole region, from published tables.',
  ]);
  expect(submission.err).toMatch(/table \*\.csv: 1 file\n {2}ages\.csv\nCheck the files for disclosure first\?/);
  expect(submission.output).toMatch(/Needs an explanation \(sdc\.extremes\)/);
  expect(submission.err).toMatch(/Submit the request\? \[y\/N\] y\n/);
  expect(submission.err).toMatch(/file 1: See data\/reports\//);
  expect(submission.err).toMatch(/The checks ask why this may leave/);
  expect(submission.err).toContain(`Wait for the decision: broch watch airlock ${project} ${request}`);
  expect(submission.code).toBe(0);
});

it('a researcher without a terminal is never asked, and told of files that no pattern takes', async () => {
  const rana = people['jour-rana'];
  const draft = await rana(
    `broch airlock draft ${project} --title More --source data/outbox/ages/ --table 'tables/*.csv' --purpose 'Table 1'`,
  );
  const submission = await rana(`broch airlock submit ${project} ${idIn(draft.output)} --folder ${folder}`);
  expect(submission.code).toBe(3);
  expect(submission.err).toMatch(/table tables\/\*\.csv: no file\nNo pattern takes this file/);
  expect(submission.err).toMatch(/Nothing was submitted\./);
});

it('a researcher without a terminal learns that an explanation is missing before and after the checks', async () => {
  const rana = people['jour-rana'];
  const draft = await rana(
    `broch airlock draft ${project} --title Again --source data/outbox/ages/ --table '*.csv' --purpose 'Table 1'`,
  );
  const id = idIn(draft.output);
  const first = await rana(`broch airlock submit ${project} ${id} --wait`);
  expect(first).toMatchObject({ code: 3, output: expect.stringContaining('The checks ask for an explanation.') });
  expect(first.err).toContain(`Next: broch airlock edit ${project} ${id} --explanation <text>`);
  const second = await rana(`broch airlock submit ${project} ${id} --wait`);
  expect(second).toMatchObject({
    code: 3,
    err: expect.stringContaining('there is no explanation. They will ask again.'),
  });
  await rana(`broch airlock edit ${project} ${id} --explanation 'From published tables.'`);
  expect((await rana(`broch airlock submit ${project} ${id} --wait`)).code).toBe(0);
});

it('watch waits for the decision of the reviewers, and says by its exit code that it is good', async () => {
  const wait = people['jour-rana'](`broch watch airlock ${project} ${request} --json`);
  for (const name of ['jour-vera', 'jour-viktor'] as const) {
    const pages = `${makeFolder({})}/pages`;
    expect((await people[name](`broch airlock preview ${project} ${request} ${pages}`)).code).toBe(0);
    const vote = await people[name](`broch airlock review ${project} ${request} --seen ${pages} --verdict approve`);
    expect({ code: vote.code, err: vote.err }).toMatchObject({ code: 0 });
  }
  const { code, output } = await wait;
  expect({ code, status: JSON.parse(output).status }).toEqual({ code: 0, status: 'approved' });
});
