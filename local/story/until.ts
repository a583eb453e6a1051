import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats a request until its answer is settled, for a minute by default, and less often the longer it takes. */
export async function pollUntilSettled<T>(
  ask: () => Promise<T>,
  isSettled: (answer: T) => boolean,
  seconds = 60,
): Promise<T> {
  const start = Date.now();
  for (;;) {
    const answer = await ask();
    if (isSettled(answer)) return answer;
    if (Date.now() > start + seconds * 1000)
      throw new Error(`still ${JSON.stringify(answer).slice(0, 300)} after ${seconds} seconds`);
    await sleep(Math.min(1000, Math.max(100, (Date.now() - start) / 4)));
  }
}
