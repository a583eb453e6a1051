import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { ProvisioningProject } from './projects.ts';

const client = new SFNClient({});

/** Starts the project's present attempt. Its name makes it start once only, however often this is called. */
export async function startProjectAttempt(machine: string, { id, attempt }: ProvisioningProject): Promise<void> {
  try {
    await client.send(
      new StartExecutionCommand({
        stateMachineArn: machine,
        name: `${id}-${attempt}`,
        input: JSON.stringify({ project: id, attempt }),
      }),
    );
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
  }
}
