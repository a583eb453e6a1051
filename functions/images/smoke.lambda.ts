import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { openEndpoints } from './candidate.ts';
import { CandidateRun, readTestNetwork, Unfinished } from './candidate-step.ts';

export const env = z.object({ NETWORK: z.string(), ENVIRONMENT: z.string() });
const { NETWORK, ENVIRONMENT } = env.parse(process.env);
const network = readTestNetwork(NETWORK);
const client = new SSMClient({});

const shell = { DocumentName: 'AWS-RunShellScript', Parameters: { commands: ['/usr/local/sbin/broch-smoke'] } };
const powerShell = { DocumentName: 'AWS-RunPowerShellScript', Parameters: { commands: ['C:\\broch\\smoke.ps1'] } };

/** Starts the smoke tests that the image brings. A machine that does not answer yet is asked again. */
export const handler = stepHandler(CandidateRun, async run => {
  await openEndpoints(network, ENVIRONMENT);
  try {
    const { Command } = await client.send(
      new SendCommandCommand({
        ...(run.image === 'windows-desktop' ? powerShell : shell),
        InstanceIds: [run.instanceId],
        TimeoutSeconds: 600,
        Comment: `smoke tests of ${run.image} ${run.version}`,
      }),
    );
    return { ...run, commandId: Command?.CommandId ?? '' };
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidInstanceId')
      throw new Unfinished(`${run.instanceId} does not answer yet.`);
    throw error;
  }
});
