import { Refused, type RefusedKind } from '../refused.ts';

const statuses: Record<RefusedKind, [number, string]> = {
  invalid: [400, 'Invalid request'],
  forbidden: [403, 'Not allowed'],
  missing: [404, 'Not found'],
  method: [405, 'Method not allowed'],
  conflict: [409, 'Not now'],
  large: [413, 'Too large'],
  unsupported: [415, 'Unsupported media type'],
  mismatch: [422, 'Idempotency key used before'],
  busy: [429, 'Too many requests'],
};

/** RFC 9457 problem details. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly errors?: readonly string[];
}

/** Converts an error for the caller: the reason of a refusal, otherwise only an id that operators can look up. */
export function toProblem(error: unknown, id: string): Problem {
  const instance = `urn:broch:request:${id}`;
  if (!(error instanceof Refused))
    return {
      type: 'about:blank',
      title: 'Unexpected error',
      status: 500,
      instance,
      detail: `An internal error occurred. Tell your operator this id: ${id}.`,
    };
  const [status, title] = statuses[error.kind];
  return {
    type: `urn:broch:problem:${error.kind}`,
    title,
    status,
    detail: error.message,
    instance,
    ...(error.details.length > 0 && { errors: error.details }),
  };
}
