import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { RunStep, readNetwork, readRunning } from './attempt.ts';
import { judgeKeys, keysOfRun } from './key-check.ts';
import { observeKey } from './party-keys.ts';

export const env = z.object({ TABLE_NAME: z.string(), AUDITOR_ROLE_ARN: z.string(), OPENER_ROLE: z.string() });
const { TABLE_NAME, AUDITOR_ROLE_ARN, OPENER_ROLE } = env.parse(process.env);

/** Reads the policies and the grants of a run's keys as they are now, and refuses a run that they do not protect. */
export const handler = stepHandler(RunStep, async (step): Promise<void> => {
  const run = await readRunning(TABLE_NAME, step);
  const { network } = await readNetwork(TABLE_NAME, step.project);
  const keys = keysOfRun(run);
  const observed = await Promise.all(keys.map(async key => [key, await observeKey(key, AUDITOR_ROLE_ARN)] as const));
  const roles = { parent: network.datasets.role, opener: OPENER_ROLE };
  const problems = judgeKeys(run, Object.fromEntries(observed), roles);
  if (problems.length > 0) throw new Refused('conflict', problems.join(' ').slice(0, 2000));
});
