import {
  paginateListExecutions,
  paginateListStateMachines,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import type { connectTestCloud } from '../cloud.ts';
import { invokeByFile, openTestTable, waitUntil } from '../workspaces/harness.ts';

/** Stops the workflow of a run as an operator may, which no step of it notices. */
export async function stopWorkflow({ configuration }: ReturnType<typeof connectTestCloud>, run: string) {
  const client = new SFNClient(configuration);
  for await (const { stateMachines = [] } of paginateListStateMachines({ client }, {}))
    for (const { stateMachineArn } of stateMachines.filter(({ name }) => /enclave/i.test(name ?? '')))
      for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
        for (const { executionArn, name, status } of executions)
          if (name === run && status === 'RUNNING') await client.send(new StopExecutionCommand({ executionArn }));
}

/** Looks for what is left of runs, as the schedule does, when this one is an hour old. */
export async function sweepLater(cloud: ReturnType<typeof connectTestCloud>, { project, id }: EnclaveRun) {
  const table = await openTestTable(cloud);
  const key = rowKey('enclave', project, `RUN#${id}`);
  // The function that launched the instance may still be about to write it.
  const row = await waitUntil(
    () => table.get(key),
    read => read?.instance !== undefined,
  );
  await table.put(key, { ...row, startedAt: new Date(Date.now() - 3600_000).toISOString() });
  await invokeByFile(cloud, 'functions/enclaves/sweep.lambda.ts');
}
