import { GetCommandInvocationCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { SmokeTestRun, Unfinished } from './candidate-step.ts';
import { decideImage } from './images.ts';
import { readImageRules } from './rules.ts';
import { changeImage } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const rules = readImageRules(RULES);
const client = new SSMClient({});

const lastLine = (text = '') => text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';

/** Records that the smoke tests passed. */
export const handler = stepHandler(SmokeTestRun, async ({ commandId, ...run }) => {
  const { instanceId, image, version, attempt } = run;
  const outcome = await client
    .send(new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: instanceId }))
    .catch(error => {
      // Run Command knows a new command only after some seconds.
      if (error instanceof Error && error.name === 'InvocationDoesNotExist') return undefined;
      throw error;
    });
  const status = outcome?.Status ?? 'Pending';
  if (['Pending', 'InProgress', 'Delayed', 'Cancelling'].includes(status))
    throw new Unfinished(`The smoke tests are ${status}.`);
  if (status !== 'Success')
    throw new Refused(
      'mismatch',
      `The smoke tests ended as ${status}: ${lastLine(outcome?.StandardErrorContent) || lastLine(outcome?.StandardOutputContent)}`,
    );
  const now = currentTime();
  const command = { do: 'recordSmokeTests', version, attempt } as const;
  await changeImage(TABLE_NAME, image, read => decideImage(read, command, rules, now), now);
  return run;
});
