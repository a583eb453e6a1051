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

/** Starts the workflow of an attempt once; repeated calls have no effect. */
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

/** Completes the task token of a waiting workflow. An expired token is ignored, because the decision is in the table. */
export async function completeDecisionTask(token: string): Promise<void> {
  try {
    await client.send(new SendTaskSuccessCommand({ taskToken: token, output: '{}' }));
  } catch (error) {
    if (!(error instanceof TaskDoesNotExist || error instanceof TaskTimedOut)) throw error;
  }
}
