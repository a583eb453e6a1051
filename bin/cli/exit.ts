/** How a command may end. Scripts rely on these numbers; `broch --help` prints them. */
export const exitCodes = {
  ok: [0, 'done'],
  fault: [1, 'something failed: the network, the service, this machine'],
  blocked: [1, 'a disclosure check found something that blocks'],
  usage: [2, 'the command was not understood'],
  refused: [3, 'the answer is no, or not now: the reason is printed'],
  unsigned: [4, 'nobody is signed in'],
} as const;
export type ExitKind = keyof typeof exitCodes;

/** What the API answers when it refuses (RFC 9457); other errors of the command line take the same form with `--json`. */
export interface CliProblem {
  readonly type: string;
  readonly title: string;
  readonly status?: number;
  readonly detail: string;
  readonly instance?: string;
  readonly errors?: readonly string[];
}

/** Ends the command with one clear line (and perhaps details) and the exit code of its kind. */
export class ExitError extends Error {
  readonly ending: Exclude<ExitKind, 'ok'>;
  readonly problem: CliProblem;
  constructor(ending: Exclude<ExitKind, 'ok'>, detail: string, more: Partial<CliProblem> = {}) {
    super(detail);
    this.name = 'Exit';
    this.ending = ending;
    this.problem = { type: `urn:broch:cli:${ending}`, title: exitCodes[ending][1], detail, ...more };
  }
}

/** An error as an Exit: what was not foreseen is a fault, told by its message. */
export const toExitError = (error: unknown): ExitError =>
  error instanceof ExitError ? error : new ExitError('fault', error instanceof Error ? error.message : String(error));
