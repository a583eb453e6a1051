/** The exit codes. Scripts rely on these numbers; `broch --help` prints them. */
export const exitCodes = {
  ok: [0, 'done'],
  fault: [1, 'something failed: the network, the service or this machine'],
  blocked: [1, 'a disclosure check would block a file'],
  usage: [2, 'the command was not understood'],
  refused: [3, 'the request was refused; the reason is printed'],
  unsigned: [4, 'nobody is signed in'],
} as const;
export type ExitKind = keyof typeof exitCodes;

/** A problem document (RFC 9457) of the API. With `--json` other errors of the command line have the same form. */
export interface CliProblem {
  readonly type: string;
  readonly title: string;
  readonly status?: number;
  readonly detail: string;
  readonly instance?: string;
  readonly errors?: readonly string[];
}

/** Ends the command with a message, optional details and the exit code of its kind. */
export class ExitError extends Error {
  readonly ending: Exclude<ExitKind, 'ok'>;
  readonly problem: CliProblem;
  constructor(ending: Exclude<ExitKind, 'ok'>, detail: string, fields: Partial<CliProblem> = {}) {
    super(detail);
    this.name = 'Exit';
    this.ending = ending;
    this.problem = { type: `urn:broch:cli:${ending}`, title: exitCodes[ending][1], detail, ...fields };
  }
}
