/** Why a command was refused, and so which HTTP status the caller sees. */
export type RefusedKind = 'invalid' | 'forbidden' | 'missing' | 'conflict' | 'large' | 'mismatch';

/**
 * The one expected error: a person or a partner may not do this, or not now. It carries a reason that names the thing
 * and the remedy. Everything else that is thrown is a fault, and goes to retries, dead letters and alarms.
 */
export class Refused extends Error {
  readonly kind: RefusedKind;
  readonly details: readonly string[];
  constructor(kind: RefusedKind, reason: string, details: readonly string[] = []) {
    super(reason);
    this.name = 'Refused';
    this.kind = kind;
    this.details = details;
  }
}
