import {
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  CognitoIdentityProviderClient,
  TooManyRequestsException,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { type UserGroup, userGroups } from './http/route.ts';
import { Refused } from './refused.ts';

const client = new CognitoIdentityProviderClient({});

/**
 * Finds a person by name: the id that tokens contain, and the name as the user pool spells it. The refusal does not tell
 * whether the account exists.
 */
export async function findPerson(pool: string, name: string): Promise<{ user: string; name: string }> {
  try {
    const person = await client.send(new AdminGetUserCommand({ UserPoolId: pool, Username: name }));
    const sub = person.UserAttributes?.find(({ Name }) => Name === 'sub')?.Value;
    if (!sub || !person.Username) throw new Error(`the user pool has no id for ${name}`);
    if (person.Enabled === false) throw unknownPerson(name);
    return { user: sub, name: person.Username };
  } catch (error) {
    if (!(error instanceof UserNotFoundException)) throw error;
    throw unknownPerson(name);
  }
}

const unknownPerson = (name: string) =>
  new Refused('missing', `There is no person named ${name} who can sign in. Ask an operator about the account.`);

/**
 * The groups in which the user pool lists this person now; none if the account is disabled or deleted. The id is compared
 * because a name can be given to another person. One page holds all groups of a person.
 */
export async function readGroups(
  pool: string,
  { id, name }: { id: string; name: string },
): Promise<readonly UserGroup[]> {
  const account = { UserPoolId: pool, Username: name };
  try {
    const [{ Groups = [] }, { UserAttributes = [], Enabled }] = await Promise.all([
      client.send(new AdminListGroupsForUserCommand(account)),
      client.send(new AdminGetUserCommand(account)),
    ]);
    const isSame = UserAttributes.some(({ Name, Value }) => Name === 'sub' && Value === id);
    if (!isSame || Enabled === false) return [];
    return userGroups.filter(group => Groups.some(({ GroupName }) => GroupName === group));
  } catch (error) {
    if (error instanceof UserNotFoundException) return [];
    // The SDK has tried several times: the user pool takes a limited number of calls a second.
    if (error instanceof TooManyRequestsException)
      throw new Refused('busy', 'Too many people use the service at this moment. Try again in a few seconds.');
    throw error;
  }
}
