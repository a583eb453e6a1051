import { describe, expect, it } from 'vitest';
import { findDueWarning, judgeUse, type UseSignals } from '../../functions/workspaces/idle.ts';

const minute = (count: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + count * 60_000).toISOString();
const rules = { idleMinutes: 120, busyLoad: 0.5 };
const now = minute(1000);
const report = (idleMinutes: number | null, load = 0, age = 0) => ({
  report: { at: minute(1000 - age), sessions: idleMinutes === null ? 0 : 1, idleMinutes, load },
  hasJobs: false,
});
const lastUsed = (minutes: number, fields = {}) => ({ usedAt: minute(1000 - minutes), ...fields });

describe('an idle machine', () => {
  it.each<[string, ReturnType<typeof lastUsed>, UseSignals, number, boolean]>([
    ['somebody at the keyboard', lastUsed(600), report(3), 3, false],
    ['nobody at the keyboard for two hours', lastUsed(600), report(120), 120, true],
    ['nobody at the keyboard for less', lastUsed(600), report(119), 119, false],
    ['a calculation overnight', lastUsed(600), report(600, 0.6), 0, false],
    ['no session for two hours', lastUsed(120), report(null), 120, true],
    ['no session for less', lastUsed(119), report(null), 119, false],
    ['a start that is younger than the pause', lastUsed(60), report(900), 60, false],
    ['a job of the project', lastUsed(600), { ...report(600), hasJobs: true }, 0, false],
    ['an old report and resting processors', lastUsed(130), { ...report(3, 1, 60), cpuPercent: 1 }, 130, true],
    ['an old report and busy processors', lastUsed(130), { ...report(3, 0, 60), cpuPercent: 40 }, 0, false],
    ['no report and no measurement', lastUsed(600), { hasJobs: false }, 0, false],
    ['no report and resting processors', lastUsed(119), { cpuPercent: 0.5, hasJobs: false }, 119, false],
    ['a machine kept awake', lastUsed(600, { awakeUntil: minute(1001) }), report(600), 600, false],
    ['a machine kept awake until a minute ago', lastUsed(600, { awakeUntil: minute(999) }), report(600), 600, true],
  ])('%s', (_, machine, signals, minutes, stop) =>
    expect(judgeUse(machine, signals, rules, now)).toEqual({ stop, usedAt: minute(1000 - minutes) }),
  );
});

describe('a workspace that nobody starts', () => {
  const day = (count: number) => minute(count * 24 * 60);
  it.each([
    [59, undefined, undefined],
    [60, undefined, 60],
    [61, 60, undefined],
    [80, 60, 80],
    [95, 60, 90],
    [200, 90, undefined],
  ])('after %d days, warned at %s: %s', (days, warnedDays, due) =>
    expect(findDueWarning(day(0), warnedDays, day(days))).toBe(due),
  );
});
