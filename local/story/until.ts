import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats a request until its answer is settled, for a minute by default. */
export async function pollUntilSettled<T>(
  ask: () => Promise<T>,
  isSettled: (answer: T) => boolean,
  seconds = 60,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isSettled(answer)) return answer;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(answer).slice(0, 300)} after ${seconds} seconds`);
    await sleep(150);
  }
}
