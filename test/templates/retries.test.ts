import { describe, expect, it } from 'vitest';
import type { RetriedState } from '../../lib/retries.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

/** The definition of a machine without what CloudFormation puts in its place: no state's retries hold any. */
const definitionOf = (value: unknown): { States: Record<string, RetriedState> } => {
  const [, parts] = (value as { 'Fn::Join': [string, unknown[]] })['Fn::Join'] ?? ['', [value]];
  return JSON.parse(parts.map(part => (typeof part === 'string' ? part : 'arn')).join(''));
};
const tasksOf = (states: Record<string, RetriedState>): [string, RetriedState][] =>
  Object.entries(states).flatMap(([name, state]) => [
    ...(state.Type === 'Task' ? [[name, state] as [string, RetriedState]] : []),
    ...tasksOf(state.ItemProcessor?.States ?? {}),
  ]);

const machines = findTemplateResources(synthesiseApp().templates.platform, 'AWS::StepFunctions::StateMachine');
const tasks = machines.flatMap(([machine, { Properties }]) =>
  tasksOf(definitionOf(Properties.DefinitionString).States).map(
    ([name, state]) => [`${machine} ${name}`, state] as const,
  ),
);
/** How often an error is retried: the first retrier that names it decides. */
const attempts = ({ Retry = [] }: RetriedState, error: string) =>
  Retry.find(({ ErrorEquals }) => ErrorEquals.includes(error) || ErrorEquals.includes('States.ALL'))?.MaxAttempts;

describe('every task of every workflow', () => {
  it('is read by this test', () => expect(tasks.length).toBeGreaterThan(35));

  it.each(tasks)(
    '%s is retried after every error that has no retrier of its own, and States.ALL is the last retrier',
    (_, state) => {
      expect(attempts(state, 'SomeFault')).toBeGreaterThanOrEqual(2);
      expect(state.Retry?.findIndex(({ ErrorEquals }) => ErrorEquals.includes('States.ALL'))).toBe(
        (state.Retry?.length ?? 0) - 1,
      );
      // States.ALL must stand alone.
      for (const { ErrorEquals } of state.Retry ?? [])
        if (ErrorEquals.includes('States.ALL')) expect(ErrorEquals).toEqual(['States.ALL']);
    },
  );

  // S3 deletes the bucket of a failed project, or says that there is none: no function, and nothing is lost.
  const ofFunctions = tasks.filter(([name]) => !name.endsWith(' DeleteBucket'));

  it.each(ofFunctions)(
    '%s is not retried after an error that is a decision: Refused, Tampered or Overtaken',
    (_, state) => {
      for (const error of ['Refused', 'Tampered', 'Overtaken']) expect(attempts(state, error)).toBe(0);
    },
  );

  it.each(ofFunctions)(
    '%s is retried for minutes when AWS throttles it, and at most once after a timeout',
    (_, state) => {
      for (const error of ['Lambda.TooManyRequestsException', 'ThrottlingException', 'RequestLimitExceeded'])
        expect(attempts(state, error)).toBeGreaterThanOrEqual(12);
      for (const error of ['States.Timeout', 'Sandbox.Timedout', 'Lambda.Unknown'])
        expect(attempts(state, error)).toBeLessThanOrEqual(1);
    },
  );
});
