import { readErrorMessage, showErrorName } from '../caught-error.ts';

/** Why a run failed. The text of an unknown error is not shown: it may contain internals. */
export function explainRunFailure(error: string, cause: string): string {
  if (error === 'Refused' || error === 'Unfinished') return readErrorMessage({ cause }) || `The run ended as ${error}.`;
  if (error === 'States.Timeout')
    return 'A step took too long. Look at the log of the build in CodeBuild, then build again.';
  return `An internal error occurred (${showErrorName({ error })}). Operators find the cause in the execution of the workflow.`;
}
