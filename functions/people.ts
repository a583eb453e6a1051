import {
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { Refused } from './refused.ts';

const client = new CognitoIdentityProviderClient({});

/** The person of that name: the id that tokens carry, and the name as the pool writes it. */
export async function findPerson(pool: string, name: string): Promise<{ user: string; name: string }> {
  try {
    const person = await client.send(new AdminGetUserCommand({ UserPoolId: pool, Username: name }));
    const sub = person.UserAttributes?.find(({ Name }) => Name === 'sub')?.Value;
    if (!sub || !person.Username) throw new Error(`the user pool has no id for ${name}`);
    if (person.Enabled === false) throw new Refused('conflict', `${name} may not sign in at present.`);
    return { user: sub, name: person.Username };
  } catch (error) {
    if (!(error instanceof UserNotFoundException)) throw error;
    throw new Refused('missing', `There is nobody called ${name}. Create the person in the user pool first.`);
  }
}
