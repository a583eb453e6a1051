import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { enrolJourneyPeople, makeFolder, type TypeLine } from './journey.ts';

const cloud = connectTestCloud();
const project = 'journey-review';
let people: Record<'jrev-olga' | 'jrev-rana' | 'jrev-vera' | 'jrev-viktor', TypeLine>;
const source = 'region,people\nDundee,143\nPerth,88\nAngus,61\n';
let request: string;
let pages: string;

beforeAll(async () => {
  people = await enrolJourneyPeople(cloud, {
    'jrev-olga': 'operator',
    'jrev-rana': 'researcher',
    'jrev-vera': 'reviewer',
    'jrev-viktor': 'reviewer',
  });
  const { 'jrev-olga': olga, 'jrev-rana': rana } = people;
  for (const line of [
    `broch project create --id ${project} --title 'Regions'`,
    `broch watch project ${project}`,
    `broch member add ${project} jrev-rana --roles researcher`,
  ])
    expect((await olga(line)).code).toBe(0);
  expect((await rana(`broch workspace ask ${project} --kind desktop`)).code).toBe(0);
  await rana(`broch try save ${makeFolder({ 'regions.csv': source })} ${project} data/outbox/regions/`);
  const draft = await rana(
    `broch airlock draft ${project} --title Regions --source data/outbox/regions/ --table '*.csv' --purpose 'Table 1'`,
  );
  request = /al-[0-9a-f]{16}/.exec(draft.output)?.[0] ?? '';
  const submission = await rana(`broch airlock submit ${project} ${request} --wait`);
  expect(submission).toMatchObject({ code: 0, output: expect.stringContaining('in review, decision due') });
});

const preview = async (name: 'jrev-vera' | 'jrev-viktor') => {
  pages = join(makeFolder({}), 'pages');
  const { code, output } = await people[name](`broch airlock preview ${project} ${request} ${pages}`);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('1 of 1 files have a page.') });
};

it('a reviewer finds the request, looks at every page, and returns it with a comment on a file', async () => {
  for (const name of ['jrev-vera', 'jrev-viktor'] as const) {
    const reviewer = people[name];
    expect((await reviewer('broch status')).output).toContain(`broch airlock preview ${project} ${request}`);
    expect((await reviewer('broch airlock queue')).output).toContain(
      `Request ${request} of ${project}: Regions (in review`,
    );
    await preview(name);
    const page = readFileSync(join(pages, 'files/00001.html'), 'utf8');
    expect(page).toContain('<title>regions.csv</title>');
    const files = JSON.stringify([{ path: 'regions.csv', comment: 'Round Dundee.' }]);
    const vote = await reviewer(
      `broch airlock return ${project} ${request} --seen ${pages} --comment 'Round the counts.' --files '${files}'`,
    );
    expect(vote.output).toMatch(
      new RegExp(`^Your vote on ${request} is recorded: return, for the seal [0-9a-f]{12}\\.\n`),
    );
    expect(vote.output.split('\n').length).toBeLessThanOrEqual(3);
  }
});

it('the researcher reads the comments, corrects the file and submits again', async () => {
  const rana = people['jrev-rana'];
  expect((await rana('broch status')).output).toContain(`broch airlock show ${project} ${request}`);
  const { output } = await rana(`broch airlock show ${project} ${request}`);
  expect(output).toMatch(/comments of reviewers:\n {2}Round the counts\.\n {2}file 1: Round Dundee\./);
  await rana(
    `broch try save ${makeFolder({ 'regions.csv': source.replace('143', '140') })} ${project} data/outbox/regions/`,
  );
  expect((await rana(`broch airlock submit ${project} ${request} --wait`)).code).toBe(0);
});

it('the pages show the earlier round with its comments, and what changed since', async () => {
  await preview('jrev-vera');
  const index = readFileSync(join(pages, 'index.html'), 'utf8');
  for (const text of ['Round 1: returned', 'Round the counts.', 'regions.csv: Round Dundee.', 'changed regions.csv'])
    expect(index).toContain(text);
});

it('two approvals and a release end the waiting, and the researcher downloads and verifies', async () => {
  const { 'jrev-rana': rana, 'jrev-olga': olga } = people;
  const wait = rana(`broch watch airlock ${project} ${request} --until released`);
  for (const name of ['jrev-vera', 'jrev-viktor'] as const) {
    await preview(name);
    const vote = await people[name](`broch airlock review ${project} ${request} --seen ${pages} --verdict approve`);
    expect({ code: vote.code, err: vote.err }).toMatchObject({ code: 0 });
  }
  expect((await olga('broch status')).output).toContain(`Next: broch airlock release ${project} ${request}`);
  expect((await olga(`broch airlock release ${project} ${request}`)).code).toBe(0);
  const release = await wait;
  expect({ code: release.code, output: release.output }).toMatchObject({
    code: 0,
    output: expect.stringContaining('released, available until'),
  });
  const target = join(makeFolder({}), 'release');
  const download = await rana(`broch airlock download ${project} ${request} ${target}`);
  expect({ code: download.code, err: download.err }).toMatchObject({ code: 0 });
  expect(download.output + download.err).toMatch(/verif/i);
  const trail = (await rana(`broch airlock trail ${project} ${request} --all`)).output;
  expect(trail).toMatch(/Request released/);
  expect(trail).not.toContain('jrev-vera');
});
