import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { RunCompleted } from '../../../functions/enclaves/events.ts';
import { requestOf } from '../../../functions/enclaves/schemas.ts';
import type { Fault } from '../../faults.ts';
import { chooseRequester, invokeFunction, readRequestHistory, watchFaults } from './harness.ts';

/** The outputs of an enclave run become one draft, however often the event of its end is delivered. */
export async function runEnclavePath(project: string, faults: readonly Fault[]) {
  const rana = chooseRequester(project);
  const watch = await watchFaults(project, faults);
  const run = `er-${createHash('sha256').update(project).digest('hex').slice(0, 16)}`;
  const request = requestOf(run);
  const event = {
    source: RunCompleted.source,
    'detail-type': RunCompleted.type,
    detail: {
      id: `${run}/1/0`,
      run,
      project,
      manifest: '0'.repeat(96),
      at: new Date().toISOString(),
      request,
      requester: { id: rana.id, name: rana.name },
      outputs: { packed: 65_536, sha256: '0'.repeat(64) },
    },
  };
  // Lambda tries an event three times; after that, somebody sends it again from the queue.
  for (let tries = 0; (await invokeFunction('airlock/open-run.lambda.ts', event)).failed; tries++)
    if (tries > 20) throw new Error(`the outputs of ${run} never reached the airlock`);
  expect((await invokeFunction('airlock/open-run.lambda.ts', event)).failed).toBe(false);
  const { row, happened } = await readRequestHistory(request);
  expect([row.status, row.project, happened]).toEqual(['draft', project, ['RequestOpened']]);
  return { ...(await watch.end()), requests: [request] };
}
