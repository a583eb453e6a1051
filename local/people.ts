import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  AssociateSoftwareTokenCommand,
  CognitoIdentityProviderClient,
  type CognitoIdentityProviderClientConfig,
  SetUserMFAPreferenceCommand,
  VerifySoftwareTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { generate } from 'otplib';
import type { AccessTokenSource } from '../bin/cli/call.ts';
import type { ActiveProfile } from '../bin/cli/profile.ts';
import { createPoolClient, refreshTokens, type SessionTokens, signIn } from '../bin/cli/signin.ts';
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
 * Adds a user to the pool and to a group, and enrols their authenticator. Adding the user is the operator's work and
 * needs `admin`; the rest is what the user does at the first sign-in.
 */
export async function enrolLocalPerson(
  place: ActiveProfile,
  admin: CognitoIdentityProviderClientConfig,
  name: string,
  role: UserGroup,
): Promise<LocalPerson> {
  const [client, poolClient] = [new CognitoIdentityProviderClient(admin), createPoolClient(place)];
  const user = { UserPoolId: place.pool, Username: name };
  const secret = password();
  try {
    await client.send(
      new AdminCreateUserCommand({ ...user, MessageAction: 'SUPPRESS', TemporaryPassword: password() }),
    );
    await client.send(new AdminSetUserPasswordCommand({ ...user, Password: secret, Permanent: true }));
    await client.send(new AdminAddUserToGroupCommand({ ...user, GroupName: role }));
    // The emulator signs a user without an authenticator in once, where AWS would ask them to set one up.
    const { access: AccessToken } = await signIn(place, silent(name, secret, ''));
    const { SecretCode = '' } = await poolClient.send(new AssociateSoftwareTokenCommand({ AccessToken }));
    await poolClient.send(
      new VerifySoftwareTokenCommand({ AccessToken, UserCode: await generate({ secret: SecretCode }) }),
    );
    await poolClient.send(
      new SetUserMFAPreferenceCommand({ AccessToken, SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } }),
    );
    return { name, role, password: secret, totp: SecretCode };
  } finally {
    client.destroy();
    poolClient.destroy();
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
