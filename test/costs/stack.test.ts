import { describe, expect, it } from 'vitest';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const { templates } = synthesiseApp();

describe('the stack of the costs', () => {
  it('starts the report once a day at the configured hour, and keeps failed starts in a queue', () =>
    expect(
      findTemplateResources(templates.platform, 'AWS::Scheduler::Schedule')
        .filter(([id]) => id.startsWith('Costs'))
        .map(([, { Properties }]) => Properties),
    ).toEqual([
      expect.objectContaining({
        ScheduleExpression: 'cron(0 7 * * ? *)',
        ScheduleExpressionTimezone: 'Europe/London',
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: expect.objectContaining({ DeadLetterConfig: { Arn: expect.anything() } }),
      }),
    ]));

  it('ends every run before the next day', () => {
    const machines = findTemplateResources(templates.platform, 'AWS::StepFunctions::StateMachine');
    const [, machine] = machines.find(([id]) => id.includes('CostsReport')) ?? [];
    expect(JSON.parse(String(machine?.Properties.DefinitionString)).TimeoutSeconds).toBe(12 * 3600);
  });

  it('keeps the webhook address in every deployment', () => {
    const [secret] = Object.values(templates.data.findResources('AWS::SecretsManager::Secret')).filter(
      ({ Properties }) => String(Properties.Description).includes('Teams'),
    );
    expect(secret).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
    expect(Object.keys(secret?.Properties)).not.toContain('GenerateSecretString');
    expect(Object.keys(secret?.Properties)).not.toContain('SecretString');
  });
});
