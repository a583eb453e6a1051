import { Refused } from '../../refused.ts';
import type { ActingPerson } from './decision.ts';
import { type Request, statuses } from './request.ts';

/** In which role a person looks at a request. The requester and their project see no votes; reviewers see their own first. */
export type Viewer = 'project' | 'reviewer' | 'operator';

/** The statuses of answers: `damaged` when the row of the request cannot be read. */
export const shownStatuses = [...statuses, 'damaged'] as const;

/** A project member is always `project`, whatever other groups they are in. To everybody else the project does not exist. */
export function viewerOf(
  request: Pick<Request, 'project' | 'requester'>,
  person: ActingPerson,
  member: boolean,
): Viewer {
  if (member || person.id === request.requester) return 'project';
  if (person.groups.includes('reviewer')) return 'reviewer';
  if (person.groups.includes('operator')) return 'operator';
  throw new Refused('missing', `There is no project ${request.project}, or you are not a member of it.`);
}
