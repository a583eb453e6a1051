import type { TemplateResource } from '../template.ts';

/** Resources of templates, by logical id. */
export type TemplateResources = Readonly<Record<string, TemplateResource>>;

/** The logical id that a `Ref` or `Fn::GetAtt` names, also where it is a `Ref` to what another stack exports. */
function referred(value: unknown): string {
  const {
    Ref,
    'Fn::GetAtt': attribute,
    'Fn::ImportValue': exportName = '',
  } = (value ?? {}) as { Ref?: string; 'Fn::GetAtt'?: string[]; 'Fn::ImportValue'?: string };
  return Ref ?? attribute?.[0] ?? /:ExportsOutputRef(\w+)[0-9A-F]{8}$/.exec(exportName)?.[1] ?? '';
}

const ofType = (resources: TemplateResources, type: string) =>
  Object.entries(resources).filter(([, { Type }]) => Type === type);

interface AlarmProperties {
  readonly MetricName: string;
  readonly Namespace: string;
  readonly Dimensions: readonly { readonly Value: unknown }[];
}

/** What alarms watch, as `<logical id> <metric>`. */
const listWatched = (resources: TemplateResources): Set<string> =>
  new Set(
    ofType(resources, 'AWS::CloudWatch::Alarm').flatMap(([, { Properties }]) => {
      const { MetricName, Dimensions } = Properties as unknown as AlarmProperties;
      return Dimensions.map(({ Value }) => `${referred(Value)} ${MetricName}`);
    }),
  );

interface MachineState {
  readonly Type: string;
  readonly Arguments?: { readonly FunctionName?: string };
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly ItemProcessor?: { readonly States: Record<string, MachineState> };
}
type MachineStates = Readonly<Record<string, MachineState>>;

/**
 * Ways from one state to another on which an execution may end well although a step failed, each with its reason. The cloud
 * tests of the capability break each step and see that the execution fails.
 */
export const meantWays: Readonly<Record<string, string>> = {
  'HeldOnFault? > Superseded': 'A newer check decides about the delivery, and meets the same fault.',
  'RolledBack? > Protect': 'The project is ready: only the answer was lost.',
  'RolledBack? > Overtaken': 'A later attempt builds the project.',
  'Why? > Failed': 'Nothing was caught: where a step fails, there is a cause.',
  'Removed? > Failed': 'Refused, not reported or no room: no fault, and the person reads the reason.',
  'Expected? > Failed': 'Refused, too slow or no room: no fault, and the parties read the reason.',
};

/** Where an execution may go on after a state, by ways that are not meant for failures. */
const listWays = (name: string, { Next, Default, Choices = [] }: MachineState): string[] =>
  [Next, Default, ...Choices.map(({ Next }) => Next)].flatMap(state =>
    state && !meantWays[`${name} > ${state}`] ? [state] : [],
  );

/** The ends of a machine that do not fail it, and that it can come to from a state. */
function findGoodEnds(states: MachineStates, name: string, seenNames = new Set<string>()): string[] {
  const state = states[name];
  if (!state || seenNames.has(name)) return [];
  seenNames.add(name);
  if (state.Type === 'Succeed') return [name];
  return listWays(name, state).flatMap(state => findGoodEnds(states, state, seenNames));
}

/** A catch that names its errors expects them as answers; failures are all that `States.ALL` catches. */
const catchesFailures = ({ ErrorEquals }: { readonly ErrorEquals: readonly string[] }) =>
  ErrorEquals.includes('States.ALL');

interface MachineStep {
  readonly state: string;
  /** The logical id of its function. */
  readonly target: string;
  /** The good ends that an execution may come to although the step failed. */
  readonly goodEnds: readonly string[];
}

/** Every step of a machine that calls a function. A step inside a Map fails the Map. */
export function listMachineSteps({ Properties }: TemplateResource): MachineStep[] {
  const { DefinitionString, DefinitionSubstitutions } = Properties as {
    DefinitionString: string;
    DefinitionSubstitutions: Record<string, unknown>;
  };
  const { States } = JSON.parse(DefinitionString) as { States: MachineStates };
  const stepsOf = (name: string, state: MachineState, outer: MachineState): MachineStep[] => {
    const inner = Object.entries(state.ItemProcessor?.States ?? {}).flatMap(([innerName, innerState]) =>
      stepsOf(innerName, innerState, outer),
    );
    const [, placeholder] = /^\$\{(\w+)\}$/.exec(state.Arguments?.FunctionName ?? '') ?? [];
    if (placeholder === undefined) return inner;
    const goodEnds = (outer.Catch ?? []).filter(catchesFailures).flatMap(({ Next }) => findGoodEnds(States, Next));
    return [...inner, { state: name, target: referred(DefinitionSubstitutions[placeholder]), goodEnds }];
  };
  return Object.entries(States).flatMap(([name, state]) => stepsOf(name, state, state));
}

interface Caller {
  /** What calls it, for a message. */
  readonly caller: string;
  readonly target: string;
  /** Whether an alarm tells of a failed call within an hour. */
  readonly alarmed: boolean;
}

/** Everything that calls a function, and whether its alarms tell of what the function fails on. */
function listCallers(resources: TemplateResources, metrics: Set<string>): Caller[] {
  const queueTells = (queue: unknown) => metrics.has(`${referred(queue)} ApproximateNumberOfMessagesVisible`);
  const asynchronous = new Map(
    ofType(resources, 'AWS::Lambda::EventInvokeConfig').map(([, { Properties }]) => {
      const { DestinationConfig, MaximumRetryAttempts } = Properties as {
        DestinationConfig?: { OnFailure?: { Destination: unknown } };
        MaximumRetryAttempts?: number;
      };
      const alarmed = queueTells(DestinationConfig?.OnFailure?.Destination) && (MaximumRetryAttempts ?? 2) <= 2;
      return [referred(Properties.FunctionName), alarmed];
    }),
  );
  const machines = ofType(resources, 'AWS::StepFunctions::StateMachine').flatMap(([id, machine]) =>
    listMachineSteps(machine).map(({ state, target, goodEnds }) => ({
      caller: `${id}: ${state}`,
      target,
      alarmed: metrics.has(`${id} ExecutionsFailed`) && goodEnds.length === 0,
    })),
  );
  const routes = ofType(resources, 'AWS::ApiGatewayV2::Integration').map(([id, { Properties }]) => ({
    caller: id,
    target: referred(Properties.IntegrationUri),
    alarmed: metrics.has(`${referred(Properties.ApiId)} 5xx`),
  }));
  const rules = ofType(resources, 'AWS::Events::Rule').flatMap(([id, { Properties }]) =>
    (Properties.Targets as { Arn: unknown; DeadLetterConfig?: { Arn: unknown } }[]).map(
      ({ Arn, DeadLetterConfig }) => ({
        caller: id,
        target: referred(Arn),
        alarmed: queueTells(DeadLetterConfig?.Arn) && asynchronous.get(referred(Arn)) === true,
      }),
    ),
  );
  const schedules = ofType(resources, 'AWS::Scheduler::Schedule').map(([id, { Properties }]) => {
    const target = referred((Properties.Target as { Arn: unknown }).Arn);
    return { caller: id, target, alarmed: asynchronous.get(target) === true };
  });
  const streams = ofType(resources, 'AWS::Lambda::EventSourceMapping').map(([id, { Properties }]) => {
    const target = referred(Properties.FunctionName);
    // Its queue gets what failed for hours, and its errors do not count those that it answers: how late it is does.
    return { caller: id, target, alarmed: metrics.has(`${target} IteratorAge`) };
  });
  return [...machines, ...routes, ...rules, ...schedules, ...streams];
}

/** What may fail without any alarm within an hour: functions, with who calls them, executions and undelivered messages. */
export function listUntoldFailures(resources: TemplateResources): string[] {
  const metrics = listWatched(resources);
  const callers = listCallers(resources, metrics);
  const functions = ofType(resources, 'AWS::Lambda::Function').flatMap(([id]) => {
    if (metrics.has(`${id} Errors`)) return [];
    const calls = callers.filter(({ target }) => target === id);
    if (calls.length === 0) return [`${id}, which nothing calls`];
    return calls.flatMap(({ caller, alarmed }) => (alarmed ? [] : [`${id} by ${caller}`]));
  });
  const machines = ofType(resources, 'AWS::StepFunctions::StateMachine').flatMap(([id]) =>
    ['ExecutionsFailed', 'ExecutionsTimedOut'].map(metric => `${id} ${metric}`),
  );
  const queues = ofType(resources, 'AWS::SQS::Queue').map(([id]) => `${id} ApproximateNumberOfMessagesVisible`);
  return [...functions, ...[...machines, ...queues].filter(metric => !metrics.has(metric))];
}
