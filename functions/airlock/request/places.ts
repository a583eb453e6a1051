import type { Request } from './request.ts';

/** Imports are delivered below this prefix of the project's bucket. Nobody in the project can change what lies there. */
export const IMPORTS_PREFIX = 'data/imports/';

/** The prefix of everything that one submission sealed, in the airlock's bucket. */
export const roundPrefix = ({ id, round }: Pick<Request, 'id' | 'round'>): string => `requests/${id}/${round}/`;
