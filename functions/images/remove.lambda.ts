import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { removeCandidates } from './candidate.ts';
import { readTestNetwork } from './candidate-step.ts';
import { ImageRun } from './schemas.ts';

export const env = z.object({ NETWORK: z.string(), ENVIRONMENT: z.string() });
const { NETWORK, ENVIRONMENT } = env.parse(process.env);
const network = readTestNetwork(NETWORK);

/** Removes the machine of a run, and the endpoints with the last machine. */
export const handler = stepHandler(ImageRun, run => removeCandidates(run, network, ENVIRONMENT));
