/** Where a stack stands, as far as an attempt to build it must know. */
export type StackState = 'none' | 'building' | 'built' | 'leaving' | 'wreck';

/** What a CloudFormation status means. `leaving` needs time only; a `wreck` has to be deleted first. */
export function classifyStackStatus(status: string | undefined): StackState {
  switch (status) {
    case undefined:
    case 'DELETE_COMPLETE':
      return 'none';
    case 'CREATE_IN_PROGRESS':
    case 'REVIEW_IN_PROGRESS':
      return 'building';
    case 'DELETE_IN_PROGRESS':
    case 'ROLLBACK_IN_PROGRESS':
      return 'leaving';
    case 'CREATE_FAILED':
    case 'DELETE_FAILED':
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
      return 'wreck';
    default:
      // Complete, or in the course of an update: then it was complete before.
      return 'built';
  }
}

export interface StackEvent {
  readonly resource: string;
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
}

/**
 * Why a stack could not be built, from its events (newest first): the first resource that failed by itself. Those after
 * it are merely cancelled.
 */
export function findFirstFailure(events: readonly StackEvent[]): string | undefined {
  const first = events.findLast(
    ({ type, status, reason }) =>
      type !== 'AWS::CloudFormation::Stack' &&
      status === 'CREATE_FAILED' &&
      reason &&
      !/^Resource creation cancelled/i.test(reason),
  );
  return first && `${first.resource} (${first.type}) could not be made: ${first.reason}`;
}

/** A sentence for people from what a state machine caught: a Lambda's error as JSON, or a service's own text. */
export function explainCause(cause: string | undefined): string {
  if (!cause) return 'A step failed without saying why.';
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    if (typeof errorMessage === 'string' && errorMessage) return errorMessage;
  } catch {
    // Not JSON: a service's own text.
  }
  return cause.slice(0, 1000);
}
