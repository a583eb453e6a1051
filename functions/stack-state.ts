/** The state of a stack from the point of view of an attempt to build it. */
export type StackState = 'none' | 'building' | 'built' | 'leaving' | 'wreck';

/** Interprets a CloudFormation status. `leaving`: wait; `wreck`: must be deleted first. */
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
      // Complete, or being updated, and therefore complete before.
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
 * Why a stack could not be built, from its events (newest first): the first resource that failed. CloudFormation then
 * cancels the others.
 */
export function findFirstFailure(events: readonly StackEvent[]): string | undefined {
  const first = events.findLast(
    ({ type, status, reason }) =>
      type !== 'AWS::CloudFormation::Stack' &&
      status === 'CREATE_FAILED' &&
      reason &&
      !/^Resource creation cancelled/i.test(reason),
  );
  return first && `${first.resource} (${first.type}) could not be created: ${explainLimit(first.reason ?? '')}`;
}

/** What an operator can do about a limit of AWS that a project met, by the words of the error. */
const limitRemedies: readonly (readonly [RegExp, string])[] = [
  [/maximum number of VPCs/i, 'Ask AWS for a higher quota "VPCs per Region"'],
  [/maximum number of VPC endpoints/i, 'Ask AWS for a higher quota "Gateway VPC endpoints per Region"'],
  [/more buckets than allowed|TooManyBuckets/i, 'Ask AWS for a higher quota of buckets'],
  [/conflicting conditional operation|OperationAborted/i, 'S3 is still deleting a bucket of this name'],
  [/Rate exceeded|Throttling/i, 'AWS limits how often it can be called'],
];

function explainLimit(reason: string): string {
  const remedy = limitRemedies.find(([pattern]) => pattern.test(reason))?.[1];
  return remedy === undefined
    ? reason
    : `${reason.replace(/\.$/, '')}. ${remedy}, then retry the project. \`broch doctor\` shows the quotas.`;
}

/** Makes a sentence from an error that a state machine caught: the JSON of a Lambda error, or the text of a service. */
export function explainCause(cause: string | undefined): string {
  if (!cause) return 'A step failed without a reason.';
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    if (typeof errorMessage === 'string' && errorMessage) return errorMessage;
  } catch {
    // Not JSON: the text of a service.
  }
  return cause.slice(0, 1000);
}
