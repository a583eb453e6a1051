import { type CaughtError, readErrorMessage, showErrorName } from '../caught-error.ts';
import type { Workspace } from './schemas.ts';

const capacity = ['InsufficientInstanceCapacity', 'InsufficientHostCapacity', 'InsufficientCapacity'];
const quotas = ['VcpuLimitExceeded', 'InstanceLimitExceeded', 'VolumeLimitExceeded', 'MaxSpotInstanceCountExceeded'];
const throttles = ['RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'TooManyRequestsException'];
const images = ['InvalidAMIID.NotFound', 'InvalidAMIID.Malformed', 'InvalidAMIID.Unavailable'];

/** Why an attempt failed, and the remedy for the owner. The text of an unknown error is not shown: it may contain internals. */
export function explainLaunchFailure(
  { error, cause }: CaughtError,
  { kind, size }: Workspace,
  minutes: number,
): string {
  const remedy = 'Try again with broch workspace retry';
  if (error === 'Refused') return readErrorMessage({ cause }) || `The workspace was refused. ${remedy}.`;
  if (capacity.includes(error))
    return `AWS has no capacity for a ${size} workspace of the kind ${kind} at the moment. ${remedy} in an hour, or request another size.`;
  if (quotas.includes(error))
    return `The account's quota for such desktops is used up (${error}). Ask your operator to raise it. ${remedy} then.`;
  if (throttles.includes(error)) return `AWS received too many requests at once. ${remedy} in a few minutes.`;
  if (images.includes(error))
    return `The ${kind} image is not there (${error}). Ask your operator to publish another version: broch image list.`;
  if (error === 'InvalidSnapshot.NotFound')
    return 'The snapshot of its home no longer exists. Find another with broch workspace snapshots, then use broch workspace restore.';
  if (error === 'UnauthorizedOperation')
    return `EC2 refused to start the ${kind} image, for example because its approval is gone. Ask your operator: broch image list.`;
  if (error === 'States.Timeout' || error === 'States.HeartbeatTimeout')
    return `The desktop started but did not report within ${minutes} minutes, so it was removed. ${remedy}. If this happens again, tell your operator that the image may be faulty.`;
  return `An internal error occurred (${showErrorName({ error })}). ${remedy}. Operators find the cause in the execution of the workflow.`;
}

export const explainOverdueLaunch =
  'Its start did not end in time. Try again with broch workspace start; if this happens again, tell your operator.';

export const explainLostMachine = (instance: string): string =>
  `The machine ${instance} is gone with the home on its disk, though nobody ended it through Broch. What you saved in the project is still there. To get the home back, find a snapshot with broch workspace snapshots and use broch workspace restore. Without a snapshot use broch workspace start: it gives the home of the last archive, or an empty one`;

/** Why a workspace ended or did not start. */
export const explainEndedMembership = (name: string, project: string): string =>
  `${name} is no longer a member of ${project}. The desktop is gone; what was saved in the project stays there.`;
