import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
  type CognitoIdentityProviderClientConfig,
} from '@aws-sdk/client-cognito-identity-provider';
import { generate } from 'otplib';
import type { AccessTokenSource } from '../bin/cli/call.ts';
import type { ActiveProfile } from '../bin/cli/profile.ts';
import { refreshTokens, type SessionTokens, signIn } from '../bin/cli/signin.ts';
import type { UserGroup } from '../functions/http/route.ts';

/** An invented user of the embedded cloud, with everything that signing in needs. */
export interface LocalPerson {
  readonly name: string;
  readonly role: UserGroup;
  readonly password: string;
  /** The authenticator's secret, base32. */
  readonly totp: string;
}

/** Long, with every kind of character that the pool's password policy requires. */
const password = () => `${randomBytes(15).toString('base64url')}aA1!`;

/**
 * Adds a user to the pool and to a group, which is the operator's work and needs `admin`. The first sign-in is the user's: it
 * replaces the temporary password and sets up the authenticator.
 */
export async function enrolLocalPerson(
  place: ActiveProfile,
  admin: CognitoIdentityProviderClientConfig,
  name: string,
  role: UserGroup,
): Promise<LocalPerson> {
  const client = new CognitoIdentityProviderClient(admin);
  const user = { UserPoolId: place.pool, Username: name };
  const [temporaryPassword, newPassword] = [password(), password()];
  try {
    await client.send(
      new AdminCreateUserCommand({ ...user, MessageAction: 'SUPPRESS', TemporaryPassword: temporaryPassword }),
    );
    await client.send(new AdminAddUserToGroupCommand({ ...user, GroupName: role }));
    let totp = '';
    await signIn(place, {
      name,
      password: async () => temporaryPassword,
      newPassword: async () => newPassword,
      enrol: async secret => {
        totp = secret;
      },
      code: () => generate({ secret: totp }),
    });
    return { name, role, password: newPassword, totp };
  } finally {
    client.destroy();
  }
}

const silent = (name: string, secret: string, totp: string) => ({
  name,
  password: async () => secret,
  newPassword: async () => password(),
  code: async (retry: boolean) => {
    // A code can be used once. After a refusal the next code is at most 30 seconds away.
    if (retry) await sleep(30_000 - (Date.now() % 30_000) + 500);
    return generate({ secret: totp });
  },
  enrol: async () => {},
});

/** Signs a local person in: password by SRP, then a code. */
export const signInLocalPerson = (
  place: ActiveProfile,
  { name, password, totp }: LocalPerson,
): Promise<SessionTokens> => signIn(place, silent(name, password, totp));

/** A token is refreshed this long before it expires. */
const SPARE_MILLISECONDS = 2 * 60_000;

/**
 * The access tokens of a session that `start` begins. They are refreshed before they expire. A session that the pool
 * has ended keeps its last token, as a thief of the token would.
 */
export function keepLocalSession(place: ActiveProfile, start: () => Promise<SessionTokens>): AccessTokenSource {
  const renew = async (tokens: SessionTokens, isRenewal: boolean) => {
    if (!isRenewal && Date.parse(tokens.until) > Date.now() + SPARE_MILLISECONDS) return tokens;
    return (await refreshTokens(place, tokens)) ?? tokens;
  };
  let session: Promise<SessionTokens> | undefined;
  return async isRenewal => {
    session = (session ?? start()).then(tokens => renew(tokens, isRenewal));
    return (await session).access;
  };
}
