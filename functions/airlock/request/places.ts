import type { Request } from './request.ts';

/** Imports are delivered below this prefix of the project's bucket. Nobody in the project can change what lies there. */
export const IMPORTS_PREFIX = 'data/imports/';

/** Full reports are delivered below this prefix of the project's bucket, where nobody in the project can change them. */
export const REPORTS_PREFIX = 'data/reports/';

/** The full report on the latest submission: files by name, with the cells that were found. Only exports have one. */
export const fullReportKey = ({ id, round }: Pick<Request, 'id' | 'round'>): string =>
  `${REPORTS_PREFIX}${id}/round-${round}.html`;

/** The prefix of everything that one submission sealed, in the airlock's bucket. */
export const roundPrefix = ({ id, round }: Pick<Request, 'id' | 'round'>): string => `requests/${id}/${round}/`;
