import { BatchClient, DescribeComputeEnvironmentsCommand } from '@aws-sdk/client-batch';
import { signInBatchPeople, waitForAnswerThat } from '../batch/harness.ts';
import type { connectTestCloud } from '../cloud.ts';

/** A project whose lead asked for a queue with GPUs. `open` lets an operator approve it, and resolves with what becomes of it. */
export async function requestGpuQueue(cloud: ReturnType<typeof connectTestCloud>, id: string) {
  const { operator, lead, project } = await signInBatchPeople(cloud, id);
  const params = { project: project.id, kind: 'gpu' } as const;
  await lead.ask('requestQueue', { params, body: { reason: 'We train a model.' } });
  return {
    async open() {
      await operator.ask('approveQueue', { params, body: { dollars: 5 } });
      const { items } = await waitForAnswerThat(
        () => operator.ask('listQueues', { params }),
        answer => answer.items[0]?.status !== 'opening',
      );
      return items[0];
    },
    /** The images that AWS Batch starts the machines of the queue from. */
    async readImages() {
      const batch = new BatchClient(cloud.configuration);
      const { computeEnvironments = [] } = await batch.send(new DescribeComputeEnvironmentsCommand({}));
      return computeEnvironments
        .filter(({ computeEnvironmentName = '' }) => computeEnvironmentName.includes(`-${id}-gpu-`))
        .map(({ computeResources }) => computeResources?.ec2Configuration?.[0]?.imageIdOverride);
    },
  };
}
