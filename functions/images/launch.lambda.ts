import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { launchCandidate, openEndpoints } from './candidate.ts';
import { readTestNetwork } from './candidate-step.ts';
import { ImageRun } from './schemas.ts';
import { readImage } from './store.ts';
import { findVersion } from './versions.ts';

export const env = z.object({ TABLE_NAME: z.string(), NETWORK: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME, NETWORK, ENVIRONMENT } = env.parse(process.env);
const network = readTestNetwork(NETWORK);

/** Starts a machine from the version, in a network without a way out. */
export const handler = stepHandler(ImageRun, async run => {
  const version = findVersion(await readImage(TABLE_NAME, run.image), run.version);
  if (version.attempt !== run.attempt) throw new Refused('conflict', 'A later run tests this version.');
  if (version.status === 'failed') throw new Refused('conflict', version.reason);
  if (version.status !== 'testing') throw new Refused('conflict', `The version is ${version.status}.`);
  await openEndpoints(network, ENVIRONMENT);
  const instanceId = await launchCandidate(run, version.build.ami, network, ENVIRONMENT);
  return { ...run, instanceId };
});
