import { type CaughtError, readErrorMessage, showErrorName } from '../caught-error.ts';
import { STOPPED } from './leftovers.ts';

const remedy = 'Propose the run again: an approval is for one run.';

/** Why a run failed, and the remedy. The text of an unknown error is not shown: it may contain internals. */
export function explainEnclaveFailure(caught: CaughtError): string {
  const { error } = caught;
  if (error === 'Refused') return `${readErrorMessage(caught) || 'The run was refused.'} ${remedy}`;
  if (error === 'InsufficientInstanceCapacity') return `AWS has no capacity for the machine at the moment. ${remedy}`;
  if (error === 'NotAwake') return `The project's endpoints were not created in time. ${remedy}`;
  if (error === STOPPED) return `Its workflow was stopped or took too long, so the run was ended. ${remedy}`;
  if (error === 'TooLong') return `The run did not end in the time of its manifest. ${remedy}`;
  return `An internal error occurred (${showErrorName(caught)}). ${remedy} Operators find the cause in the execution of the workflow.`;
}
