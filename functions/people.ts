import {
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { Refused } from './refused.ts';

const client = new CognitoIdentityProviderClient({});

/** Finds a person by name: the id that tokens contain, and the name as the user pool spells it. */
export async function findPerson(pool: string, name: string): Promise<{ user: string; name: string }> {
  try {
    const person = await client.send(new AdminGetUserCommand({ UserPoolId: pool, Username: name }));
    const sub = person.UserAttributes?.find(({ Name }) => Name === 'sub')?.Value;
    if (!sub || !person.Username) throw new Error(`the user pool has no id for ${name}`);
    if (person.Enabled === false)
      throw new Refused('conflict', `The account of ${name} is disabled. Enable it in the user pool first.`);
    return { user: sub, name: person.Username };
  } catch (error) {
    if (!(error instanceof UserNotFoundException)) throw error;
    throw new Refused('missing', `There is no person named ${name}. Create the account in the user pool first.`);
  }
}
