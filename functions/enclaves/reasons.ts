/** A Lambda error as JSON that contains the message. */
function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
}

const remedy = 'Propose the run again: an approval is for one run.';

/** Why a run failed, and the remedy. The text of an unknown error is not shown: it may contain internals. */
export function explainEnclaveFailure({ error, cause }: { error: string; cause: string }): string {
  if (error === 'Refused') return `${messageOf(cause) || 'The run was refused.'} ${remedy}`;
  if (error === 'InsufficientInstanceCapacity') return `AWS has no capacity for the machine at the moment. ${remedy}`;
  if (error === 'NotAwake') return `The project's endpoints were not created in time. ${remedy}`;
  if (error === 'TooLong') return `The run did not end in the time of its manifest. ${remedy}`;
  const name = /^[\w.]{1,80}$/.test(error) ? error : 'unknown';
  return `An internal error occurred (${name}). ${remedy} Operators find the cause in the execution of the workflow.`;
}
