import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { connectTestCloud } from './cloud.ts';

/** A fault of one AWS call of a function: `lost` is carried out, and its answer is not. */
export interface Fault {
  /** As `airlock/steps/seal.ts`, or with the route where it serves an API: `airlock/api.ts POST /projects/{project}/airlock`. */
  readonly function: string;
  /** As `s3:PutObject`, or `dynamodb:PutItem AIRLOCK` with the partition; `lambda:Invoke` is the invocation itself. */
  readonly action?: string;
  /** Which of an invocation's calls of that action, or of all it makes, from 1; null is each of them. */
  readonly nth: number | null;
  /**
   * `error` is one that the SDK does not try again; `conflict` is S3's answer to a conditional write that meets another;
   * `hold` waits until other faults are armed, or none.
   */
  readonly how: 'throttle' | 'error' | 'lost' | 'hold' | 'conflict';
  /** How many tries of the call fail; left out: all that the SDK makes. */
  readonly times?: number;
  /** How many invocations it happens to, of those that get so far; 1 if left out. */
  readonly invocations?: number;
}

/** One try of a call: the same `invocation` and `nth` again is the SDK's next try. */
export interface WatchedCall {
  readonly function: string;
  readonly invocation: string;
  readonly nth: number;
  readonly action: string;
  /** Which of that action's calls it is. */
  readonly same: number;
  /** Whether it writes to S3 under a condition. */
  readonly conditional: boolean;
  readonly how: Fault['how'] | null;
}

export interface WatchedRun {
  readonly calls: readonly WatchedCall[];
  /** What every invocation was called with. */
  readonly events: readonly { readonly function: string; readonly event: Readonly<Record<string, unknown>> }[];
  /** The faults that have not happened. */
  readonly unmet: readonly Fault[];
}

/** How often callers repeat what failed: a state machine its step, a client its call of a route. */
export interface CallerRetries {
  readonly step: number;
  readonly route: number;
}

const post = (url: string, body: object) =>
  new Promise<WatchedRun>((resolve, reject) => {
    const call = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, answer => {
      const parts: Buffer[] = [];
      answer.on('data', part => parts.push(part));
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (answer.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${url} says ${answer.statusCode}: ${text}`));
      });
    });
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });

/**
 * Watches the AWS calls of all functions whose event has the text `about` in it, such as a project's id, and has some of
 * them fail. Nobody else's calls are touched, so that tests may run beside each other.
 */
export async function watchCalls(
  { plain }: ReturnType<typeof connectTestCloud>,
  subject: string,
  rules: readonly Fault[] = [],
  retries?: CallerRetries,
) {
  const url = `${plain}/_faults`;
  const name = randomUUID();
  await post(url, { watch: name, about: subject, rules, retries });
  return {
    calls: () => post(url, { watch: name }),
    /** Other faults from here on. What was seen is forgotten. */
    rearm: (next: readonly Fault[]) => post(url, { watch: name, about: subject, rules: next, retries }),
    end: () => post(url, { watch: name, end: true }),
  };
}

/** The calls that each function makes, each once, as faults name them. */
export function groupCallsByFunction(calls: readonly WatchedCall[]) {
  const groups = new Map<string, { action: string; nth: number; conditional: boolean }[]>();
  for (const { function: name, action, same: nth, conditional } of calls) {
    const calls = groups.get(name) ?? [];
    if (!calls.some(call => call.action === action && call.nth === nth)) calls.push({ action, nth, conditional });
    groups.set(name, calls);
  }
  return groups;
}

/** Every call of a function fails, for so many of its invocations. */
export const failEvery = (name: string, invocations = 99): Fault => ({
  function: name,
  nth: 1,
  how: 'error',
  invocations,
});

/** A function waits before that call, by default before it reads the request, until other faults are armed. */
export const holdCall = (name: string, action = 'dynamodb:GetItem AIRLOCK'): Fault => ({
  function: name,
  action,
  nth: 1,
  how: 'hold',
});
