/** A Lambda error as JSON that contains the message. */
function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
}

/** Why a run failed. The text of an unknown error is not shown: it may contain internals. */
export function explainRunFailure(error: string, cause: string): string {
  if (error === 'Refused' || error === 'Unfinished') return messageOf(cause) || `The run ended as ${error}.`;
  if (error === 'States.Timeout')
    return 'A step took too long. Look at the log of the build in CodeBuild, then build again.';
  return `An internal error occurred (${/^[\w.]{1,80}$/.test(error) ? error : 'unknown'}). Operators find the cause in the execution of the workflow.`;
}
