import { beforeAll, describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { enrolJourneyPeople, type TypeLine } from './journey.ts';

const cloud = connectTestCloud();
const project = 'journey-ops';
let people: Record<'jops-olga' | 'jops-rana' | 'jops-vera', TypeLine>;
let olga: TypeLine;

beforeAll(async () => {
  people = await enrolJourneyPeople(cloud, {
    'jops-olga': 'operator',
    'jops-rana': 'researcher',
    'jops-vera': 'reviewer',
  });
  olga = people['jops-olga'];
});

describe('an operator', () => {
  it('creates a project, and is named as the one who asked for it', async () => {
    expect((await olga(`broch project create --id ${project} --title 'Operations'`)).code).toBe(0);
    expect((await olga(`broch watch project ${project}`)).code).toBe(0);
    const { output } = await olga(`broch project show ${project}`);
    expect(output).toMatch(/^requested by +jops-olga$/m);
  });

  it('adds a researcher, is warned of a reviewer, and removes who was added by mistake', async () => {
    expect((await olga(`broch member add ${project} jops-rana --roles researcher`)).code).toBe(0);
    const warning = await olga(`broch member add ${project} jops-vera --roles researcher`);
    expect(warning).toMatchObject({ code: 3, err: expect.stringContaining('cannot review its requests') });
    expect((await olga(`broch member add ${project} jops-vera --roles researcher --confirm`)).code).toBe(0);
    expect((await olga(`broch member remove ${project} jops-vera --reason 'added by mistake'`)).code).toBe(0);
    expect((await olga(`broch member list ${project}`)).output).not.toContain('jops-vera');
    const { output } = await olga(`broch member history ${project} jops-vera`);
    expect(output).toMatch(/removed.*jops-olga.*added by mistake/);
  });

  it('changes one setting and keeps the others, reads old and new, and is asked before a change that lets more data leave', async () => {
    const tier = await olga(`broch airlock configure ${project} --settings '{"tier":3}' --reason 'small villages'`);
    expect(tier.output).toMatch(/^Set by jops-olga, .*: small villages\nchanged:\n/);
    expect(tier.output).toMatch(/^ {2}tier: 2 → 3$/m);
    const days = await olga(`broch airlock configure ${project} --settings '{"reviewDays":7}' --reason 'in a hurry'`);
    expect(days.output).toContain('changed:\n  reviewDays: 14 → 7\n');
    const weaker = await olga(`broch airlock configure ${project} --settings '{"tier":2}' --reason 'towns'`);
    expect(weaker).toMatchObject({ code: 3, err: expect.stringMatching(/must be confirmed[\s\S]*tier: 3 → 2/) });
    const settings = (await olga(`broch airlock settings ${project}`)).output;
    expect(settings).toMatch(/^ {2}tier \* +3$/m);
    expect(settings).toMatch(/^ {2}reviewDays \* +7$/m);
    const history = (await olga(`broch airlock history ${project}`)).output;
    expect(history.indexOf('reviewDays: 14 → 7')).toBeLessThan(history.indexOf('tier: 2 → 3'));
    expect(history).toContain('by jops-olga: small villages');
  });

  it('reads costs in the currency of the bill, or that there are none and what to do', async () => {
    const { code, output } = await olga('broch cost list');
    expect(code).toBe(0);
    expect(output).toMatch(/There are no cost reports yet|^\d{4}-\d\d-\d\d, /);
    expect(output).not.toMatch(/\d{7,}/);
  });
});

describe('a researcher and a reviewer', () => {
  it('learn from whoami and project list what they belong to', async () => {
    expect((await people['jops-rana']('broch whoami')).output).toMatch(new RegExp(`${project} +researcher`));
    expect((await people['jops-rana']('broch project list')).output).toContain('Operations');
    expect((await people['jops-vera']('broch whoami')).output).not.toContain(project);
  });
});
