import {
  ExecutionAlreadyExists,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import type { Request } from './request/request.ts';

const client = new SFNClient({});

/** Starts the attempt's workflow once, however often it is asked to. */
export async function startWorkflow(machine: string, { id, project, attempt }: Request, from: string): Promise<void> {
  try {
    await client.send(
      new StartExecutionCommand({
        stateMachineArn: machine,
        name: `${id}-${attempt}`,
        input: JSON.stringify({ project, request: id, attempt, from }),
      }),
    );
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
  }
}

/** Lets a waiting workflow look again. One that is gone needs no word: the decision is in the table. */
export async function completeDecisionTask(token: string): Promise<void> {
  try {
    await client.send(new SendTaskSuccessCommand({ taskToken: token, output: '{}' }));
  } catch (error) {
    if (!(error instanceof TaskDoesNotExist || error instanceof TaskTimedOut)) throw error;
  }
}
