import {
  AdminListGroupsForUserCommand,
  CognitoIdentityProviderClient,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { rolesOf } from '../projects/members.ts';
import type { Facts, Person } from './decision.ts';
import type { Request } from './request.ts';
import type { Rules } from './rules.ts';

const client = new CognitoIdentityProviderClient({});

/** Whether the user pool has the person among the reviewers now. Nobody is in so many groups that there is a second page. */
async function isReviewer(pool: string, name: string): Promise<boolean> {
  try {
    const { Groups = [] } = await client.send(new AdminListGroupsForUserCommand({ UserPoolId: pool, Username: name }));
    return Groups.some(({ GroupName }) => GroupName === 'reviewer');
  } catch (error) {
    if (error instanceof UserNotFoundException) return false;
    throw error;
  }
}

/**
 * What is so now of all people in question: who asks, by their token; whoever voted before, by the table and the pool,
 * so that somebody demoted or made a member meanwhile is known.
 */
export async function factsFor(
  { table, pool, rules }: { table: string; pool: string; rules: Rules },
  of: Request,
  by: Person,
): Promise<Facts> {
  const voters = of.status === 'inReview' ? of.votes.filter(vote => vote.by !== by.id) : [];
  const people = [by.id, ...voters.map(vote => vote.by)];
  const [roles, fit] = await Promise.all([
    Promise.all(people.map(user => rolesOf(table, of.project, user))),
    Promise.all(voters.map(({ name }) => isReviewer(pool, name))),
  ]);
  return {
    rules,
    members: people.filter((_, index) => (roles[index]?.length ?? 0) > 0),
    reviewers: [
      ...(by.groups.includes('reviewer') ? [by.id] : []),
      ...voters.filter((_, index) => fit[index]).map(vote => vote.by),
    ],
  };
}
