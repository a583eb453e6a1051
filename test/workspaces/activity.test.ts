import { describe, expect, it } from 'vitest';
import { activityKey, judgeActivity, parseActivity } from '../../functions/workspaces/activity.ts';

const now = '2026-11-28T14:10:00.000Z';
const minutesAgo = (minutes: number) => new Date(Date.parse(now) - minutes * 60_000).toISOString();
const rules = { idleMinutes: 60, busyLoad: 0.5 };
const report = (idleMinutes: number | null, load = 0.1, age = 2) => ({
  at: minutesAgo(age),
  sessions: idleMinutes === null ? 0 : 1,
  idleMinutes,
  load,
});

describe('an activity report', () => {
  it('is parsed as the agents write it', () =>
    expect(
      parseActivity('{ "at": "2026-11-28T14:10:00+00:00", "sessions": 1, "idleMinutes": 3, "load": 0.42 }'),
    ).toMatchObject({ sessions: 1, idleMinutes: 3 }));

  it.each([
    'no JSON',
    '{}',
    '{"at":"now","sessions":1,"idleMinutes":1,"load":1}',
    '{"at":"2026-11-28T14:10:00Z","sessions":-1,"idleMinutes":1,"load":1}',
    ' '.repeat(5000),
  ])('is refused without being quoted: %.60s', text => expect(() => parseActivity(text)).toThrow(/report/i));

  it('lies where only the instance can write', () =>
    expect(activityKey('AROAEXAMPLE', 'i-01234567')).toBe('agents/AROAEXAMPLE:i-01234567/activity.json'));
});

describe('a desktop', () => {
  it.each([
    ['is used by somebody who typed 3 minutes ago', report(3), 600, { state: 'used' }],
    ['is idle once nobody has typed for an hour', report(90), 600, { state: 'idle', since: minutesAgo(92) }],
    ['is idle without a session since it was last used', report(null), 75, { state: 'idle', since: minutesAgo(75) }],
    ['is used if its owner took a link half an hour ago', report(null), 30, { state: 'used' }],
    ['is not idle while it calculates', report(600, 3.9), 600, { state: 'calculating' }],
    ['is not known to be idle without a report', undefined, 600, { state: 'unknown' }],
    ['is not known to be idle with an old report', report(600, 0, 30), 900, { state: 'unknown' }],
    ['cannot report from the future', report(0, 0, -900), 600, { state: 'used' }],
  ] as const)('%s', (_, activity, used, outcome) =>
    expect(judgeActivity(activity, minutesAgo(used), rules, now)).toMatchObject(outcome),
  );
});
