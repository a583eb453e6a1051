import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The pause before the next look at what a test waits for: a quarter of the time since `start`, at least `shortest` and
 * at most a second. Short waits end soon after their time, and long ones leave the machine to those who compute.
 */
export const pauseSince = (start: number, shortest = 100): Promise<void> =>
  sleep(Math.min(1000, Math.max(shortest, (Date.now() - start) / 4)));
