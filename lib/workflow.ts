import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type AlarmSeverity, alarm } from './alarm.ts';
import type { Core } from './core.ts';
import type { Handler, HandlerModule } from './handler.ts';
import { addDefaultRetries, type RetriedState } from './retries.ts';

export interface WorkflowProps {
  readonly core: Core;
  /** A file in state-machines/. */
  readonly file: `${string}.asl.json`;
  /** The functions it calls, each under the name of its `${}` placeholder. */
  readonly calls: Readonly<Record<string, Handler<HandlerModule>>>;
  /** All other placeholders. A number takes the place of its placeholder with the quotes around it. */
  readonly values?: Readonly<Record<string, string | number>>;
  /** The timeout of an execution. */
  readonly deadline: Duration;
  /** The severity of the alarm on failed executions. An alarm on a timeout is always a `warning`: a retry can help. */
  readonly severity: AlarmSeverity;
  /** The first thing to rule out when an execution failed, in a sentence. */
  readonly precaution?: string;
  /** What an operator does once the cause is known and corrected, in a sentence that begins with Then. */
  readonly remedy?: string;
}

const retryRemedy =
  'Then retry the delivery, project, workspace, request or report through the API: its input is kept.';

/** The placeholders of a state machine file. */
export const findPlaceholders = (definition: string): string[] =>
  [...new Set([...definition.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name ?? ''))].sort();

/** A state machine from its file, with the default retries. Its placeholders and the given names must be the same set. */
export class Workflow extends Construct {
  readonly machine: StateMachine;

  constructor(
    scope: Construct,
    id: string,
    { core, file, calls, values = {}, deadline, severity, precaution = '', remedy = retryRemedy }: WorkflowProps,
  ) {
    super(scope, id);
    const definition = readFileSync(join(import.meta.dirname, '../state-machines', file), 'utf8');
    const substitutions = {
      ...values,
      ...Object.fromEntries(Object.entries(calls).map(([name, { fn }]) => [name, fn.functionArn])),
    };
    const [placeholders, names] = [findPlaceholders(definition).join(), Object.keys(substitutions).sort().join()];
    if (placeholders !== names)
      throw new Error(`state-machines/${file} has the placeholders ${placeholders}, but is given ${names}`);
    const definitionText = Object.entries(substitutions).reduce(
      (text, [name, value]) => (typeof value === 'number' ? text.replaceAll(`"\${${name}}"`, String(value)) : text),
      // A file calls integrations by the names of AWS's usual partition.
      definition.replaceAll('"arn:aws:states:', `"arn:${Stack.of(this).partition}:states:`),
    );
    const machine = JSON.parse(definitionText) as { States: Record<string, RetriedState> };
    const complete = {
      ...machine,
      States: addDefaultRetries(machine.States),
      // The CDK silently ignores `timeout` for a state machine that is defined in a file.
      TimeoutSeconds: deadline.toSeconds(),
    };
    this.machine = new StateMachine(this, 'Machine', {
      definitionBody: DefinitionBody.fromString(JSON.stringify(complete, null, 2)),
      definitionSubstitutions: Object.fromEntries(
        Object.entries(substitutions).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
      ),
      comment: `state-machines/${file}`,
      tracingEnabled: true,
      logs: {
        destination: core.logGroup(this, '/aws/vendedlogs/states/'),
        level: LogLevel.ALL,
        // Inputs contain task tokens, and whoever reads one can complete the task. The history has them, logs do not.
        includeExecutionData: false,
      },
    });
    for (const { fn } of Object.values(calls)) fn.grantInvokeLatestVersion(this.machine);
    Validations.of(this).acknowledge(
      {
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'X-Ray and the delivery of vended logs have no resource to name.',
      },
      { id: 'NIST.800.53.R5-IAMNoInlinePolicy', reason: 'A role of one machine: its policy belongs to nothing else.' },
    );
    const shared = {
      topic: core.alarms,
      check: `The execution's history, in the console or with \`aws stepfunctions get-execution-history\`: the last state and its error.`,
    };
    // One alarm on the sum of these metrics would cost the same and be less clear.
    alarm(this, 'Failed', {
      ...shared,
      severity,
      metric: this.machine.metricFailed({ period: Duration.minutes(5) }),
      means: `A step of the workflow state-machines/${file} failed, and its retries failed too.`,
      do: `${precaution} Correct the cause. ${remedy}`.trimStart(),
    });
    alarm(this, 'TimedOut', {
      ...shared,
      severity: 'warning',
      metric: this.machine.metricTimedOut({ period: Duration.minutes(5) }),
      means: `An execution of the workflow state-machines/${file} did not end before its deadline.`,
      do: `Find out what it waited for. ${remedy}`,
    });
  }
}
