import {
  CognitoIdentityProviderClient,
  ListUsersInGroupCommand,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Caller } from '../http/http.ts';
import { type Membership, readMembership, wasMemberSince } from '../membership.ts';
import { readGroups } from '../people.ts';
import { mapInParallel } from '../storage/parallel.ts';
import { findSettings, readSettings } from './project-settings.ts';
import type { AirlockConfig } from './request/airlock-config.ts';
import type { Context } from './request/decision.ts';
import type { Request, Someone } from './request/request.ts';
import { applySettings } from './request/settings.ts';

const client = new CognitoIdentityProviderClient({});

const attribute = (attributes: UserType['Attributes'], name: string) =>
  attributes?.find(({ Name }) => Name === name)?.Value;

/** Everybody in the user pool's group of reviewers who can sign in. */
async function listReviewers(pool: string): Promise<Someone[]> {
  const reviewers: Someone[] = [];
  for (let next: string | undefined, hasNext = true; hasNext; hasNext = next !== undefined) {
    const page = await client.send(
      new ListUsersInGroupCommand({ UserPoolId: pool, GroupName: 'reviewer', NextToken: next }),
    );
    for (const user of page.Users ?? []) {
      const id = attribute(user.Attributes, 'sub');
      if (id && user.Username && user.Enabled !== false) reviewers.push({ id, name: user.Username });
    }
    next = page.NextToken;
  }
  return reviewers;
}

/** How many reviewers may vote on requests of the project that are opened from now on, if `author` makes its settings. */
export async function countReviewers(
  { table, pool }: { table: string; pool: string },
  project: string,
  author: string,
): Promise<number> {
  const reviewers = (await listReviewers(pool)).filter(({ id }) => id !== author);
  const memberships = await mapInParallel(reviewers, 16, ({ id }) => readMembership(table, project, id));
  return memberships.filter(membership => (membership?.roles.length ?? 0) === 0).length;
}

/**
 * All reviewers who may review the request now. The requester, the recipient and people who were members of the project
 * since the request was opened are excluded.
 */
export async function listCandidates(
  { table, pool }: { table: string; pool: string },
  request: Request,
): Promise<Someone[]> {
  const reviewers = await listReviewers(pool);
  const ruledBy = (await readSettings(table, request.project))?.by;
  const settingsAuthor = 'settingsBy' in request ? request.settingsBy : undefined;
  const ineligible = [request.requester, request.recipient?.id, ruledBy, settingsAuthor];
  const candidates = reviewers.filter(({ id }) => !ineligible.includes(id));
  const memberships = await mapInParallel(candidates, 16, ({ id }) => readMembership(table, request.project, id));
  return candidates.filter(({ id }, index) => !isRecentMember(memberships[index], id, request));
}

const isRecentMember = (membership: Membership | undefined, person: string, { openedAt }: Request): boolean =>
  membership !== undefined && wasMemberSince([membership], person, openedAt);

/**
 * Reads the memberships of the actor and of everybody who voted from the table, and the groups of the voters from the user
 * pool, which has already confirmed those of the actor.
 */
export async function loadContext(
  { table, pool, rules }: { table: string; pool: string; rules: AirlockConfig },
  request: Request,
  actor: Caller,
): Promise<Context> {
  const voters = request.status === 'inReview' ? request.votes.map(vote => ({ id: vote.by, name: vote.name })) : [];
  const otherVoters = voters.filter(({ id }) => id !== actor.id);
  const people = [actor.id, ...otherVoters.map(({ id }) => id)];
  const [{ ruling, damaged }, memberships, groups] = await Promise.all([
    findSettings(table, request.project),
    Promise.all([actor.membership(), ...otherVoters.map(({ id }) => readMembership(table, request.project, id))]),
    Promise.all(otherVoters.map(voter => readGroups(pool, voter))),
  ]);
  return {
    rules: applySettings(rules, ruling?.settings),
    ruledBy: ruling?.by,
    settingsDamaged: damaged,
    candidates: [],
    members: people.filter((_, index) => (memberships[index]?.roles.length ?? 0) > 0),
    pastMembers: people.filter((user, index) => isRecentMember(memberships[index], user, request)),
    reviewers: [
      ...(actor.groups.includes('reviewer') ? [actor.id] : []),
      ...otherVoters.filter((_, index) => groups[index]?.includes('reviewer')).map(({ id }) => id),
    ],
  };
}
