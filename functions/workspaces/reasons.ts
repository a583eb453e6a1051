import type { Workspace } from './schemas.ts';

/** What a state machine hands on of a caught error. */
export interface CaughtError {
  readonly error: string;
  readonly cause: string;
}

const capacity = ['InsufficientInstanceCapacity', 'InsufficientHostCapacity', 'InsufficientCapacity'];
const quotas = ['VcpuLimitExceeded', 'InstanceLimitExceeded', 'VolumeLimitExceeded', 'MaxSpotInstanceCountExceeded'];
const throttled = ['RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'TooManyRequestsException'];
const images = ['InvalidAMIID.NotFound', 'InvalidAMIID.Malformed', 'InvalidAMIID.Unavailable', 'ParameterNotFound'];

/** A Lambda's error as the machine sees it: JSON with the message in it. */
function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
}

/** Why an attempt failed, for the person who asked and with what to do. An unknown error's text may hold internals. */
export function explainLaunchFailure(
  { error, cause }: CaughtError,
  { kind, size }: Workspace,
  minutes: number,
): string {
  const again = 'Try again with broch workspace retry';
  if (error === 'Refused') return messageOf(cause) || `It was refused. ${again}.`;
  if (capacity.includes(error))
    return `AWS has no room for a ${size} ${kind} desktop at the moment. ${again} in an hour, or ask for another size.`;
  if (quotas.includes(error))
    return `The account's quota for such desktops is used up (${error}). Ask your operator to have it raised; then retry.`;
  if (throttled.includes(error)) return `AWS was asked for too much at once. ${again} in a few minutes.`;
  if (images.includes(error))
    return `There is no ${kind} image to start from (${error}). Ask your operator for one at /broch/images/${kind}/current.`;
  if (error === 'States.Timeout' || error === 'States.HeartbeatTimeout')
    return `The desktop started but did not report within ${minutes} minutes, so it was removed. ${again}; if it happens twice, the image is at fault.`;
  return `It failed for a reason of our own (${/^[\w.]{1,80}$/.test(error) ? error : 'unknown'}). ${again}; operators find the cause in the workflow's execution.`;
}
