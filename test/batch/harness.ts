import type { ApiClient } from '../../bin/cli/call.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { playedImage, pullPlayedImage } from '../../local/registry.ts';
import type { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { signInNewPerson } from '../ingest/partner.ts';
import { pauseSince } from '../pause.ts';

/** Asks until the answer is as expected, for two minutes. `explain` is added to the error. */
export async function waitForAnswerThat<T>(
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  explain: () => string = () => '',
): Promise<T> {
  let last: T | undefined;
  for (const start = Date.now(); Date.now() < start + 120_000; await pauseSince(start)) {
    last = await ask();
    if (holds(last)) return last;
  }
  throw new Error(`it stayed ${JSON.stringify(last)}\n${explain()}`);
}

export interface BatchPeople {
  readonly cloud: ReturnType<typeof connectTestCloud>;
  readonly operator: ApiClient;
  readonly steward: ApiClient;
  readonly lead: ApiClient;
  readonly project: ReadyProject;
}

/** An operator, a steward, and a lead with a project of that id. */
export async function signInBatchPeople(cloud: ReturnType<typeof connectTestCloud>, id: string): Promise<BatchPeople> {
  const signIn = (group: 'operator' | 'steward' | 'researcher') => signInNewPerson(cloud, `${id}-${group}`, group);
  const [operator, steward, lead] = await Promise.all([signIn('operator'), signIn('steward'), signIn('researcher')]);
  return { cloud, operator, steward, lead, project: await buildProjectFor(operator, lead, id) };
}

/** An open cpu queue with a budget, and an approved image. */
export async function openTestQueue({
  cloud,
  operator,
  steward,
  lead,
  project: { id: project },
}: BatchPeople): Promise<void> {
  const [params, reason] = [{ project }, 'A test.'];
  const queue = { project, kind: 'cpu' } as const;
  await lead.ask('requestQueue', { params: queue, body: { reason } });
  await operator.ask('approveQueue', { params: queue, body: { dollars: 1000 } });
  await lead.ask('requestContainer', { params, body: { image: playedImage, reason } });
  await pullPlayedImage(cloud.configuration);
  await steward.ask('approveContainer', { params, body: { image: playedImage } });
  await waitForAnswerThat(
    () => lead.ask('listQueues', { params }),
    ({ items }) => items[0]?.status === 'open',
  );
}

/** Whether a job is over and described. */
export const isDescribed = (job: ComputeJob): boolean =>
  job.status === 'cancelled' || ('outputs' in job && job.outputs !== undefined);

/** Each node sends its number to the main node. The last one fails afterwards, which changes nothing. */
export const sendNumbers = `
import os, socket, sys, time
index, count = (int(os.environ["AWS_BATCH_JOB_" + name]) for name in ("NODE_INDEX", "NUM_NODES"))
if index == int(os.environ["AWS_BATCH_JOB_MAIN_NODE_INDEX"]):
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        numbers = sorted(server.accept()[0].makefile().read() for _ in range(1, count))
    open(os.environ["BROCH_OUTPUTS"] + "/numbers.txt", "w").write(" ".join(numbers))
else:
    main = (os.environ["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"], int(sys.argv[1]))
    while True:
        try:
            with socket.create_connection(main) as connection:
                connection.sendall(str(index).encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.2)
    print("sent to", main[0])
    sys.exit(index - 1)`;
