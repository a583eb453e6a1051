import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../functions/hash.ts';
import { connectTestCloud } from '../cloud.ts';
import { enrolJourneyPeople, makeFolder, runInTerminal, type TypeLine } from './journey.ts';

const cloud = connectTestCloud();
let people: Record<'jour-petra' | 'jour-stella', TypeLine>;
const table = 'id,date_of_birth\n1,1960-01-01\n2,1961-02-02\n';
const folder = makeFolder({
  'visits.csv': table,
  'notes/read me.txt': 'Visits of invented people.\n',
  '.DS_Store': 'left behind',
  // What `find . -exec sha256sum` writes.
  SHA256SUMS: `${sha256(table)}  ./visits.csv\n${sha256('Visits of invented people.\n')}  ./notes/read me.txt\n`,
});
let delivery: string;
let version: string;

beforeAll(async () => {
  people = await enrolJourneyPeople(cloud, { 'jour-petra': 'partner', 'jour-stella': 'steward' });
});

describe('a data partner', () => {
  it('is asked about a new dataset in a real terminal, and reads what is left out and the receipt', async () => {
    const question = 'This is a new dataset: go on? [y/N]';
    const { code, screen } = await runInTerminal(
      ['deliver', folder, '--dataset', 'jour-visits'],
      people['jour-petra'].env,
      [[question, 'y']],
    );
    expect({ code, screen }).toMatchObject({ code: 0 });
    expect(screen).toContain('Left out by --ignore: .DS_Store');
    expect(screen).toContain(`There is no dataset jour-visits yet. ${question}`);
    expect(screen).toContain('The delivery is registered. This is your receipt.');
    delivery = /dl-[0-9a-f]{16}/.exec(screen)?.[0] ?? '';
  });

  it('lists every file of the receipt with its checksum', async () => {
    const { output } = await people['jour-petra'](`broch delivery files ${delivery} --all`);
    expect(output).toContain('visits.csv');
    expect(output).toContain('notes/read me.txt');
    expect(output).toContain(sha256(table));
  });

  it('cancels a delivery that was opened by mistake, and nothing waits any more', async () => {
    const petra = people['jour-petra'];
    const { output } = await petra('broch delivery open --dataset jour-visits');
    const mistake = /dl-[0-9a-f]{16}/.exec(output)?.[0] ?? '';
    expect((await petra('broch status')).output).toContain(`Next: broch deliver <folder> --delivery ${mistake}`);
    expect((await petra(`broch delivery cancel ${mistake}`)).output).toMatch(/^status +cancelled$/m);
    expect((await petra('broch status')).output).toBe('Nothing waits for you, and nothing is under way.\n');
  });
});

describe('a data steward', () => {
  it('finds the version of a dataset and its files', async () => {
    const stella = people['jour-stella'];
    const { output } = await stella('broch dataset versions jour-visits');
    version = /jour-visits +([0-9a-f]{12}) /.exec(output)?.[1] ?? '';
    expect(version).not.toBe('');
    const files = await stella(`broch dataset files jour-visits ${version}`);
    expect(files.output).toContain('visits.csv');
  });

  it('compares it with a newer one by columns and rows, after a held delivery that comes first in the list', async () => {
    const [petra, stella] = [people['jour-petra'], people['jour-stella']];
    const next = 'id,age_band\n1,60-69\n2,60-69\n3,70-79\n';
    writeFileSync(join(folder, 'visits.csv'), next);
    const refusal = await petra(`broch deliver ${folder} --dataset jour-visits`);
    expect(refusal).toMatchObject({
      code: 3,
      err: expect.stringMatching(/visits\.csv +The SHA-256 is .* but the manifest says/),
    });
    writeFileSync(
      join(folder, 'SHA256SUMS'),
      `${sha256(next)}  ./visits.csv\n${sha256('Visits of invented people.\n')}  ./notes/read me.txt\n`,
    );
    expect((await petra(`broch deliver ${folder} --dataset jour-visits`)).code).toBe(0);
    const { output } = await stella(`broch dataset diff jour-visits ${version} latest`);
    expect(output).toBe('changed  visits.csv: 2 → 3 rows; new columns: age_band; columns left out: date_of_birth\n');
    expect((await stella('broch dataset diff jour-visits latest latest')).output).toBe(
      'Nothing changed between these versions.\n',
    );
    expect((await stella('broch dataset versions jour-nothing')).err).toContain('There is no dataset jour-nothing');
  });
});
