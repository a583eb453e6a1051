import { describe, expect, it } from 'vitest';
import { type Timetable, TimeZoneName } from '../../functions/workspaces/schemas.ts';
import { findTimetableMove } from '../../functions/workspaces/timetable.ts';

const office: Timetable = {
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  start: '08:00',
  stop: '18:00',
  zone: 'Europe/London',
};
const long = '2026-01-01T00:00:00.000Z';

describe('a timetable', () => {
  it.each([
    ['before it starts', '2026-11-23T07:59:59.000Z', undefined],
    ['at its start', '2026-11-23T08:00:00.000Z', 'start 2026-11-23T08:00:00.000Z'],
    ['a quarter of an hour later', '2026-11-23T08:14:30.000Z', 'start 2026-11-23T08:00:00.000Z'],
    ['an hour later', '2026-11-23T09:00:00.000Z', undefined],
    ['at its end', '2026-11-23T18:05:00.000Z', 'stop 2026-11-23T18:00:00.000Z'],
    ['on a Saturday', '2026-11-28T08:05:00.000Z', undefined],
    ['in summer, when London is an hour ahead', '2026-07-20T07:05:00.000Z', 'start 2026-07-20T07:00:00.000Z'],
    ['in summer, at eight in UTC', '2026-07-20T08:05:00.000Z', undefined],
  ])('%s', (_, now, outcome) => {
    const move = findTimetableMove(office, long, now);
    expect(move && `${move.do} ${move.at}`).toBe(outcome);
  });

  it('asks for nothing twice, and for nothing from before it was set', () => {
    expect(findTimetableMove(office, '2026-11-23T08:00:00.000Z', '2026-11-23T08:10:00.000Z')).toBeUndefined();
    expect(findTimetableMove(office, '2026-11-23T08:05:00.000Z', '2026-11-23T08:10:00.000Z')).toBeUndefined();
  });

  it('is caught up with when the clocks skip its hour', () => {
    // In London 01:30 does not exist on 29 March 2026.
    const night: Timetable = { ...office, days: ['sun'], start: '01:30', stop: '05:00' };
    expect(findTimetableMove(night, long, '2026-03-29T00:59:00.000Z')).toBeUndefined();
    expect(findTimetableMove(night, long, '2026-03-29T01:05:00.000Z')?.do).toBe('start');
  });

  it('asks for the later of two moves that are both due', () => {
    const short: Timetable = { ...office, start: '08:00', stop: '08:10' };
    expect(findTimetableMove(short, long, '2026-11-23T08:20:00.000Z')?.do).toBe('stop');
    expect(findTimetableMove(short, '2026-11-23T08:10:00.000Z', '2026-11-23T08:20:00.000Z')).toBeUndefined();
  });

  it.each(['Europe/Nowhere', '+01:00', '', 'x'.repeat(65)])('takes no time zone %j', zone => {
    expect(TimeZoneName.safeParse(zone).success).toBe(false);
  });
});
