import type { Timetable } from './schemas.ts';

const MINUTE = 60_000;
/** For how long a move can be caught up with. A sweep comes every quarter of an hour. */
const LATE_MINUTES = 60;

/** What a timetable asks for, and the moment at which it did. */
export interface TimetableMove {
  readonly do: 'start' | 'stop';
  readonly at: string;
}

/** The weekday and the minute of the day that a clock in the zone shows. */
function readClock(zone: string, now: string): { day: string; minute: number } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(new Date(now)).map(({ type, value }) => [type, value]));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { day: parts.get('weekday')?.toLowerCase() ?? '', minute };
}

const toMinute = (clock: string): number => {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
};

/**
 * The last thing that a timetable asked for and that was not done yet. Local time decides, so a workspace starts at eight
 * o'clock in summer and in winter; an hour that the clocks skip is caught up with after it.
 */
export function findTimetableMove(
  { days, start, stop, zone }: Timetable,
  doneUntil: string,
  now: string,
): TimetableMove | undefined {
  const { day, minute } = readClock(zone, now);
  if (!(days as readonly string[]).includes(day)) return undefined;
  const moves = (
    [
      ['start', start],
      ['stop', stop],
    ] as const
  ).flatMap(([kind, clock]) => {
    const late = minute - toMinute(clock);
    if (late < 0 || late >= LATE_MINUTES) return [];
    const time = Math.floor(Date.parse(now) / MINUTE) * MINUTE - late * MINUTE;
    return Date.parse(doneUntil) < time ? [{ do: kind, at: new Date(time).toISOString() }] : [];
  });
  return moves.toSorted((first, second) => first.at.localeCompare(second.at)).at(-1);
}
