import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type RouteName, routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { formatAnswer } from './answer-texts.ts';
import type { ApiClient } from './call.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { ProgressLine } from './progress.ts';

interface Rest {
  readonly show: RouteName;
  /** The final statuses, with the exit kind for each. */
  readonly outcomes: Readonly<Record<string, 'ok' | 'refused' | 'fault'>>;
}

const watchable = {
  project: {
    show: 'showProject',
    outcomes: { ready: 'ok', stopped: 'ok', archived: 'ok', deleted: 'ok', failed: 'fault' },
  },
  workspace: { show: 'showWorkspace', outcomes: { ready: 'ok', failed: 'fault' } },
  airlock: {
    show: 'showRequest',
    outcomes: {
      draft: 'refused',
      returned: 'refused',
      blocked: 'refused',
      released: 'ok',
      rejected: 'refused',
      withdrawn: 'refused',
      revoked: 'refused',
      expired: 'refused',
      timedOut: 'fault',
      damaged: 'fault',
    },
  },
  job: { show: 'showJob', outcomes: { succeeded: 'ok', failed: 'fault', cancelled: 'refused' } },
  delivery: {
    show: 'showDelivery',
    outcomes: {
      registered: 'ok',
      awaitingApproval: 'ok',
      held: 'refused',
      rejected: 'refused',
      expired: 'refused',
    },
  },
} as const satisfies Record<string, Rest>;
type Watchable = keyof typeof watchable;

const idsOf = (subject: Watchable): string[] => Object.keys(routes[watchable[subject].show].params.shape);

/** The command that follows a started process, such as `watch workspace asthma ws-…`; undefined if there is none. */
export function toWatchWords({ cli }: Pick<Route, 'cli'>, values: Record<string, unknown>): string | undefined {
  const noun = cli.split(' ')[0] as string;
  if (!(noun in watchable)) return undefined;
  const ids = idsOf(noun as Watchable).map(name => (name === noun ? (values.id ?? values[name]) : values[name]));
  return ids.every(id => typeof id === 'string') ? ['watch', noun, ...ids].join(' ') : undefined;
}

export interface WatchState extends Record<string, unknown> {
  readonly status: string;
}

export interface WatchListener {
  report(stage: WatchState): void;
  /** Whether a status is from before the awaited change. */
  old?(stage: WatchState): boolean;
}

/** What to wait for of a request: the result of the checks, the decision, or the release. */
export const RequestMilestone = z.enum(['checked', 'decided', 'released']);
type RequestMilestone = z.infer<typeof RequestMilestone>;

/** The statuses of a request that end the wait, with the exit kind for each. */
export function requestRest(milestone: RequestMilestone): Rest {
  const { outcomes, show } = watchable.airlock;
  return {
    show,
    outcomes: {
      ...outcomes,
      ...(milestone !== 'released' && { approved: 'ok' as const }),
      ...(milestone === 'checked' && { inReview: 'ok' as const }),
    },
  };
}

/** Polls, every half second up to every five, until a final status; reports each status. */
export async function followUntilRest(
  api: ApiClient,
  { show, outcomes }: Rest,
  params: Record<string, string>,
  minutes: number,
  { report, old }: WatchListener,
): Promise<WatchState> {
  const deadline = Date.now() + minutes * 60_000;
  for (let pause = 500; ; pause = Math.min(5000, pause * 1.3)) {
    const stage = z.looseObject({ status: z.string() }).parse(await api.call(show, { params }));
    if (!old?.(stage)) {
      report(stage);
      if (stage.status in outcomes) return stage;
    }
    if (Date.now() + pause > deadline)
      throw new ExitError(
        'fault',
        `Still ${stage.status} after ${minutes} minutes. It continues without this command; look again later.`,
      );
    await sleep(pause);
  }
}

export const watchRules: Readonly<Record<Watchable, Rest>> = watchable;

export const watchCommand = defineCommand({
  words: ['watch'],
  summary: 'Wait until a project, workspace, batch job, delivery or airlock request is finished or needs you',
  notes: [
    'Of a request it waits for the decision of the reviewers, or with --until for its checks or its release.',
    'The exit code is 0 when it is ready, succeeded, registered, approved or released; 3 when a delivery is held, a job was',
    'cancelled, or a request was returned, blocked, rejected or closed; and 1 when something failed or the time is over. --json has the status.',
  ],
  examples: [
    'watch project asthma',
    'watch workspace asthma ws-001122334455',
    'watch job asthma job-019a0b1c2d3e4f50',
    'watch delivery dl-0011223344556677',
    'watch airlock asthma al-0011223344556677 --until released --minutes 20160',
  ],
  params: z.object({
    what: z.enum(Object.keys(watchable) as [Watchable, ...Watchable[]]).describe('what to follow'),
    ids: z
      .array(z.string().min(1))
      .min(1)
      .describe('its id; for a workspace, a job or a request the project and the id'),
  }),
  flags: z.object({
    minutes: z.number().int().min(1).max(43_200).default(60).describe('minutes to wait at most, up to 30 days'),
    until: RequestMilestone.default('decided').describe('of a request: what to wait for'),
  }),
  async run({ params: { what: subject, ids }, flags: { minutes, until: milestone } }, context) {
    const names = idsOf(subject);
    if (ids.length !== names.length)
      throw new ExitError(
        'usage',
        `Name one ${subject}: broch watch ${subject} ${names.map(name => `<${name}>`).join(' ')}`,
      );
    const params = Object.fromEntries(names.map((name, index) => [name, ids[index] as string]));
    using live = new ProgressLine(context);
    const rest = subject === 'airlock' ? requestRest(milestone) : watchRules[subject];
    const last = await followUntilRest(context.api(), rest, params, minutes, {
      report: ({ status }) => live.stage(`${subject} ${ids.join(' ')}`, status),
    });
    live.end();
    context.result(last, formatAnswer(rest.show, last, context));
    return rest.outcomes[last.status] ?? 'ok';
  },
});
