import { randomUUID } from 'node:crypto';
import { CloudTrailClient, type Event, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListStateMachinesCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import type { CloudFacts } from '../deployed-cloud.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { pollUntilSettled } from '../story/until.ts';

/** One call of an AWS API, and by whose key. */
export interface TrailCall {
  readonly service: string;
  readonly name: string;
  readonly key: string;
}

/**
 * Calls under roles between two instants: those of Lambda functions and of temporary credentials. A bench looks on as root,
 * so it never counts itself. What the embedded cloud does inside (CloudFormation's own calls) is not in its record.
 *
 * LookupEvents gives the newest fifty there, and no token. So each page ends where the one before began, with a
 * millisecond of both; ids tell what was seen.
 */
export async function listCallsBetween(facts: CloudFacts, start: Date, lastMoment: Date): Promise<TrailCall[]> {
  const trail = new CloudTrailClient(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  const events = new Map<string, Event>();
  try {
    for (let end = lastMoment; ; ) {
      const page = await trail.send(new LookupEventsCommand({ StartTime: start, EndTime: end, MaxResults: 50 }));
      const { Events = [] } = page;
      const count = events.size;
      for (const event of Events) events.set(event.EventId ?? '', event);
      const oldest = Events.at(-1)?.EventTime;
      if (!oldest || Events.length < 50) break;
      if (events.size === count) throw new Error('fifty calls in a millisecond: the record cannot be read on');
      end = new Date(oldest.getTime() + 1);
    }
  } finally {
    trail.destroy();
  }
  return [...events.values()]
    .map(({ EventSource = '', EventName = '', AccessKeyId = '' }) => ({
      service: EventSource.replace('.amazonaws.com', ''),
      name: EventName,
      key: AccessKeyId,
    }))
    .filter(({ key }) => key.startsWith('ASIA'));
}

/** One try of a call, and the function that made it: with its route where it serves an API. */
export interface StepCall {
  readonly function: string;
  readonly action: string;
}

/** A call that fails in so many invocations, as local/python/faults.py reads it. */
interface CallFault {
  readonly function: string;
  readonly action: string;
  readonly nth: number;
  readonly how: 'throttle';
  readonly invocations: number;
}

/** Counts the calls of AWS that Lambdas make while they work on what `subject` names; needs a cloud with `faults`. */
export async function countStepCalls(plain: string, subject: string) {
  const watch = randomUUID();
  const post = async (body: object): Promise<{ calls: StepCall[] }> =>
    (await fetch(`${plain}/_faults`, { method: 'POST', body: JSON.stringify({ watch, ...body }) })).json();
  await post({ about: subject });
  /** The calls since the last time. From now on, calls fail by the rules, if there are any. */
  async function list(rules: readonly CallFault[] = []): Promise<StepCall[]> {
    const { calls } = await post({});
    await post({ about: subject, rules });
    return calls.filter(({ action }) => action !== 'lambda:Invoke');
  }
  return {
    list,
    /** The calls since the last count. */
    async take(): Promise<{ s3: number; dynamodb: number }> {
      const calls = await list();
      const count = (service: string) => calls.filter(({ action }) => action.startsWith(`${service}:`)).length;
      return { s3: count('s3'), dynamodb: count('dynamodb') };
    },
  };
}

/** How an execution went. */
export interface ExecutionCourse {
  readonly start: Date;
  readonly end: Date;
  /** When each of its own states was left, for the first time. */
  readonly exits: ReadonlyMap<string, Date>;
  /** As they are billed: states entered, and repeated attempts. */
  readonly transitions: number;
  /** Calls that the machine itself made, of Lambda above all. */
  readonly tasks: number;
  /** How long its tasks took by the clock, added up. */
  readonly taskMs: number;
}

/** The state machine of a capability, and what became of its executions. */
export async function openCapabilityMachine(facts: CloudFacts, capability: string) {
  const sfn = new SFNClient(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({ maxResults: 1000 }));
  const arn = stateMachines.find(({ name }) => name?.includes(capability))?.stateMachineArn;
  if (arn === undefined) throw new Error(`there is no state machine of ${capability}`);

  async function history(executionArn: string): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await sfn.send(new GetExecutionHistoryCommand({ executionArn, nextToken, maxResults: 1000 }));
      events.push(...(page.events ?? []));
      nextToken = page.nextToken;
    } while (nextToken);
    return events;
  }

  return {
    sfn,
    arn,
    /** Waits for the execution's end. */
    async course(executionArn: string): Promise<ExecutionCourse> {
      const { startDate: start, stopDate: end } = await pollUntilSettled(
        () => sfn.send(new DescribeExecutionCommand({ executionArn })),
        ({ status, stopDate }) => status !== 'RUNNING' && stopDate !== undefined,
        600,
      );
      const events = await history(executionArn);
      const eventsOf = (pattern: RegExp) => events.filter(({ type = '' }) => pattern.test(type));
      const tasks = eventsOf(/^(Task|LambdaFunction)Scheduled$/);
      const answers = eventsOf(/^(Task|LambdaFunction)(Succeeded|Failed|TimedOut)$/);
      const sum = (group: HistoryEvent[]) =>
        group.reduce((total, { timestamp }) => total + (timestamp?.getTime() ?? 0), 0);
      const exits = new Map<string, Date>();
      for (const { timestamp, stateExitedEventDetails: { name } = {} } of events)
        if (name !== undefined && timestamp && !exits.has(name)) exits.set(name, timestamp);
      // The embedded cloud tells of a state inside a Map only that its task was scheduled. Each of ours there is a task.
      const untold = Math.max(0, tasks.length - eventsOf(/^TaskStateEntered$/).length);
      return {
        start: start ?? new Date(Number.NaN),
        end: end ?? new Date(Number.NaN),
        exits,
        transitions: eventsOf(/StateEntered$/).length + untold,
        tasks: tasks.length,
        taskMs: sum(answers) - sum(tasks),
      };
    },
  };
}
