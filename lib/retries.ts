interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly MaxAttempts: number;
  readonly JitterStrategy?: 'FULL';
}

/** The part of a state of the Amazon States Language that retries concern. */
export interface RetriedState {
  readonly Type: string;
  readonly Retry?: readonly Retrier[];
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, RetriedState>> };
}

const backoff = { IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 60, JitterStrategy: 'FULL' } as const;

/**
 * How every task is retried. The first retrier that names an error counts its attempts. Names of Lambda's own errors:
 * https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
 */
const defaultRetries: readonly Retrier[] = [
  // A retry would lead to the same decision.
  { ErrorEquals: ['Refused', 'Tampered', 'Overtaken'], MaxAttempts: 0 },
  // AWS throttles, or another writer was faster: retries for about eight minutes.
  {
    ErrorEquals: [
      'Lambda.TooManyRequestsException',
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.CodeArtifactUserPendingException',
      'ProvisionedThroughputExceededException',
      'RequestLimitExceeded',
      'SlowDown',
      'Throttling',
      'ThrottlingException',
      'TooManyRequestsException',
      'WriteConflict',
    ],
    ...backoff,
    MaxAttempts: 12,
  },
  // A function that ran out of time or memory would fail again, after up to 15 minutes each time.
  { ErrorEquals: ['States.Timeout', 'Sandbox.Timedout', 'Lambda.Unknown'], ...backoff, MaxAttempts: 1 },
  { ErrorEquals: ['States.ALL'], ...backoff, MaxAttempts: 5 },
];

const isExhaustive = (retries: readonly Retrier[]) =>
  retries.some(({ ErrorEquals }) => ErrorEquals.includes('States.ALL'));

/**
 * The states with the default retries on every task, those of maps included. A state's own retriers come first; one that
 * names States.ALL replaces the defaults.
 */
export const addDefaultRetries = <S extends RetriedState>(states: Readonly<Record<string, S>>): Record<string, S> =>
  Object.fromEntries(
    Object.entries(states).map(([name, state]) => {
      const { Type, Retry = [], ItemProcessor } = state;
      return [
        name,
        {
          ...state,
          ...(Type === 'Task' && { Retry: isExhaustive(Retry) ? Retry : [...Retry, ...defaultRetries] }),
          ...(ItemProcessor && {
            ItemProcessor: { ...ItemProcessor, States: addDefaultRetries(ItemProcessor.States) },
          }),
        },
      ];
    }),
  );
