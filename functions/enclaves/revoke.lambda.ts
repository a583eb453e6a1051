import * as z from 'zod';
import { eventHandler } from '../handler.ts';
import { readRun } from './attempt.ts';
import { RunRefused } from './events.ts';
import { revokeApprovals } from './party-keys.ts';

export const env = z.object({ TABLE_NAME: z.string(), AUDITOR_ROLE_ARN: z.string() });
const { TABLE_NAME, AUDITOR_ROLE_ARN } = env.parse(process.env);

/** Revokes the remaining grants of a run that a party refused, including those of the other party. */
export const handler = eventHandler(RunRefused, async ({ project, run }) =>
  revokeApprovals(await readRun(TABLE_NAME, { project, run }), AUDITOR_ROLE_ARN),
);
