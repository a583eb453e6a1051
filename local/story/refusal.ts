import { ExitError } from '../../bin/cli/exit.ts';

/** The reason of the refusal. Throws if the request is not refused. */
export async function refusalOf(ask: () => Promise<unknown>): Promise<string> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof ExitError && error.ending === 'refused') return error.message;
    throw error;
  }
  throw new Error('this should have been refused, and was not');
}
