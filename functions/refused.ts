/** The kind of a refusal; it determines the HTTP status. */
export type RefusedKind =
  | 'invalid'
  | 'forbidden'
  | 'missing'
  | 'method'
  | 'conflict'
  | 'large'
  | 'unsupported'
  | 'mismatch'
  | 'busy';

/**
 * The only expected error: the caller may not do this, or not now. Its message names the reason and the remedy. Every
 * other error is a fault, which leads to retries, dead-letter queues and alarms.
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
