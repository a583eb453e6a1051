import { type EC2Client, type Instance, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { workspaceProviders } from './kinds.ts';
import type { Workspace, WorkspaceIn } from './schemas.ts';

/**
 * Whether EC2 hibernated a machine that is stopped, by the reason of its state:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
 */
export const isHibernated = ({ State, StateReason }: Instance): boolean =>
  State?.Name === 'stopped' && StateReason?.Code === 'Client.UserInitiatedHibernate';

/** Whether a machine can hibernate: EC2 prepared it for that when it was launched, and its type is small enough now. */
export function describeHibernation(
  { HibernationOptions, InstanceType }: Instance,
  { kind }: Pick<Workspace, 'kind'>,
): WorkspaceIn<'ready'>['hibernation'] {
  if (!HibernationOptions?.Configured) return undefined;
  return workspaceProviders[kind].hibernates?.test(InstanceType ?? '') ? 'possible' : 'large';
}

/**
 * How EC2 refuses to hibernate a machine that was not prepared for it, that started a moment ago, or that is not running:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
const refusals = ['UnsupportedHibernationConfiguration', 'UnsupportedOperation', 'IncorrectInstanceState'];
export const refusesHibernation = (error: unknown): boolean => error instanceof Error && refusals.includes(error.name);

/** Hibernates a machine. If EC2 refuses, it is stopped: whoever left it wants it off. */
export async function hibernateInstance(client: EC2Client, id: string): Promise<void> {
  try {
    await client.send(new StopInstancesCommand({ InstanceIds: [id], Hibernate: true }));
  } catch (error) {
    if (!refusesHibernation(error)) throw error;
    await client.send(new StopInstancesCommand({ InstanceIds: [id] }));
  }
}
