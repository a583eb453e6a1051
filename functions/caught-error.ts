/** The error that a state machine caught. */
export interface CaughtError {
  readonly error: string;
  readonly cause: string;
}

/** The message in the cause of a Lambda error, which is JSON; empty if there is none. */
export function readErrorMessage({ cause }: Pick<CaughtError, 'cause'>): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
}

/** The name of an error that may be shown: one that came from elsewhere may contain internals. */
export const showErrorName = ({ error }: Pick<CaughtError, 'error'>): string =>
  /^[\w.]{1,80}$/.test(error) ? error : 'unknown';
