import { describe, expect, it } from 'vitest';
import { acquireLease, asleep } from '../../functions/awake/lease.ts';
import { awakeLimits, findHourlyMicros } from '../../functions/awake/prices.ts';
import { estimateWorkspace } from '../../functions/workspaces/estimate.ts';

const prices = { hourly: { 't3.large': 0.0944, 't3a.large': 0.085, 'g5.xlarge': 1.28 }, budget: 1.3 };
const types = ['t3a.large', 't3.large'];
const limits = awakeLimits(2, prices);
const holder = (id: string, hourlyMicros: number) => ({ id, use: 'workspace' as const, hourlyMicros });

describe('the price of a size', () => {
  it('is that of its dearest machine, as AWS may have none of the others', () =>
    expect(findHourlyMicros(types, prices)).toBe(94_400));
  it('is unknown as long as one of its machines has no price', () =>
    expect(findHourlyMicros([...types, 'm6i.large'], prices)).toBeUndefined());
});

describe('an estimate', () => {
  const wish = { kind: 'desktop' as const, size: 'small' as const, types, prices, limits, hibernates: false };

  it('shows what the workspace costs, and what runs in the project', () =>
    expect(estimateWorkspace({ ...wish, project: acquireLease(asleep, holder('a', 200_000), limits) })).toEqual({
      kind: 'desktop',
      size: 'small',
      types,
      hourlyMicros: 94_400,
      homeGigabytes: 50,
      hibernates: false,
      running: 1,
      runningLimit: 2,
      projectHourlyMicros: 200_000,
      limitHourlyMicros: 1_300_000,
    }));

  it('says beforehand why a start would be refused, in the words of the refusal', () => {
    const dear = acquireLease(asleep, holder('a', 1_280_000), limits);
    expect(estimateWorkspace({ ...wish, project: dear }).refusal).toMatch(
      /would cost \$1\.37 an hour; its limit is \$1\.30/,
    );
    const full = acquireLease(acquireLease(asleep, holder('a', 0), limits), holder('b', 0), limits);
    expect(estimateWorkspace({ ...wish, project: full }).refusal).toMatch(/2 workspaces run in this project/);
  });

  it('reserves nothing, and names no price that nobody set', () => {
    const estimate = estimateWorkspace({ ...wish, prices: { hourly: {} }, limits: { workspaces: 2 }, project: asleep });
    expect(estimate).not.toHaveProperty('hourlyMicros');
    expect(estimate).not.toHaveProperty('refusal');
  });

  it('says that a workspace can hibernate only if each of its machines can', () => {
    const canHibernate = (types: string[], hibernates = true) =>
      estimateWorkspace({ ...wish, kind: 'windows', types, hibernates, project: asleep }).hibernates;
    expect(canHibernate(['t3.xlarge', 't3a.xlarge'])).toBe(true);
    expect(canHibernate(['t3.xlarge', 't3.2xlarge'])).toBe(false);
    expect(canHibernate(['t3.xlarge'], false)).toBe(false);
    expect(estimateWorkspace({ ...wish, hibernates: true, project: asleep }).hibernates).toBe(false);
  });
});
