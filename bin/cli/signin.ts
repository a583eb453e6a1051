import {
  AssociateSoftwareTokenCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  type InitiateAuthCommandOutput,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
  VerifySoftwareTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { generateURI } from 'otplib';
import { agentFor } from './call.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import type { ActiveProfile } from './profile.ts';
import { startSrpExchange } from './srp.ts';

export interface SessionTokens {
  readonly access: string;
  readonly refresh: string;
  /** When the access token expires, ISO 8601. */
  readonly until: string;
}

/** The person signing in: their secrets come from a terminal or from the file of the embedded cloud. */
export interface SignInUser {
  readonly name: string;
  password(): Promise<string>;
  /** A new password that replaces the temporary one. */
  newPassword(): Promise<string>;
  code(isRetry: boolean): Promise<string>;
  /** Shows the authenticator's secret at the first sign-in. */
  enrol(secret: string, uri: string): Promise<void>;
}

/** The public operations of the user pool, which need no AWS credentials. */
export function createPoolClient(place: ActiveProfile): CognitoIdentityProviderClient {
  const { region, embedded } = place;
  if (!embedded) return new CognitoIdentityProviderClient({ region });
  return new CognitoIdentityProviderClient({
    region,
    endpoint: embedded.endpoint,
    requestHandler: { httpsAgent: agentFor(place) },
  });
}

const errorName = (error: unknown): string => (error instanceof Error ? error.name : '');
const wrongCode = (error: unknown) =>
  ['CodeMismatchException', 'ExpiredCodeException', 'EnableSoftwareTokenMFAException'].includes(errorName(error));

/** Explains a refusal of the user pool. Other errors are unchanged. */
function explainError(error: unknown, place: ActiveProfile): unknown {
  switch (errorName(error)) {
    case 'NotAuthorizedException':
    case 'UserNotFoundException':
      return new ExitError('unsigned', `Not signed in: ${(error as Error).message}`);
    case 'CodeMismatchException':
    case 'ExpiredCodeException':
    case 'EnableSoftwareTokenMFAException':
      return new ExitError(
        'unsigned',
        'Not signed in: the code is wrong. Check the clocks of this machine and your phone.',
      );
    case 'PasswordResetRequiredException':
      return new ExitError('unsigned', 'Your password must be reset. Ask your operator for a new one.');
    case 'InvalidPasswordException':
      return new ExitError('refused', (error as Error).message);
    case 'TooManyRequestsException':
    case 'LimitExceededException':
      return new ExitError('fault', 'Too many attempts. Wait a few minutes, then try again.');
    case 'ResourceNotFoundException':
      return new ExitError('usage', `There is no client ${place.client} in the user pool ${place.pool}.`);
    default:
      return error instanceof ExitError
        ? error
        : new ExitError(
            'fault',
            `The user pool ${place.pool} does not answer: ${describeCause(error)}. Check the network.`,
          );
  }
}

function tokensOf(answer: InitiateAuthCommandOutput, now: Date, refresh?: string): SessionTokens {
  const { AccessToken, RefreshToken = refresh, ExpiresIn = 0 } = answer.AuthenticationResult ?? {};
  if (!AccessToken || !RefreshToken) throw new ExitError('fault', 'The user pool answered without tokens.');
  return {
    access: AccessToken,
    refresh: RefreshToken,
    until: new Date(now.getTime() + ExpiresIn * 1000).toISOString(),
  };
}

/** Signs a person in: password (SRP), new password if it is temporary, authenticator set-up, code. */
export async function signIn(place: ActiveProfile, person: SignInUser): Promise<SessionTokens> {
  const client = createPoolClient(place);
  const ClientId = place.client;
  const { publicValue, prove } = startSrpExchange(place.pool);

  const respond = (answer: InitiateAuthCommandOutput, USERNAME: string, responses: Record<string, string>) =>
    client.send(
      new RespondToAuthChallengeCommand({
        ClientId,
        ChallengeName: answer.ChallengeName,
        Session: answer.Session,
        ChallengeResponses: { USERNAME, ...responses },
      }),
    );

  /** Asks for a code, at most three times. */
  async function withCode<T>(use: (code: string) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const code = (await person.code(tries > 1)).replace(/\s/g, '');
      try {
        return await use(code);
      } catch (error) {
        if (!wrongCode(error) || tries === 3) throw error;
      }
    }
  }

  try {
    let user = person.name;
    let answer: InitiateAuthCommandOutput = await client.send(
      new InitiateAuthCommand({
        ClientId,
        AuthFlow: 'USER_SRP_AUTH',
        AuthParameters: { USERNAME: person.name, SRP_A: publicValue },
      }),
    );
    for (let rounds = 0; rounds < 10; rounds++) {
      if (answer.AuthenticationResult) return tokensOf(answer, new Date());
      const { SALT = '', SRP_B = '', SECRET_BLOCK = '', USER_ID_FOR_SRP } = answer.ChallengeParameters ?? {};
      user = USER_ID_FOR_SRP ?? user;
      switch (answer.ChallengeName) {
        case 'PASSWORD_VERIFIER': {
          const challenge = { salt: SALT, serverPublic: SRP_B, secretBlock: SECRET_BLOCK, user };
          const { signature, stamp } = prove(challenge, await person.password(), new Date());
          answer = await respond(answer, user, {
            PASSWORD_CLAIM_SIGNATURE: signature,
            PASSWORD_CLAIM_SECRET_BLOCK: SECRET_BLOCK,
            TIMESTAMP: stamp,
          });
          break;
        }
        case 'NEW_PASSWORD_REQUIRED':
          answer = await respond(answer, user, { NEW_PASSWORD: await person.newPassword() });
          break;
        case 'SELECT_MFA_TYPE':
          answer = await respond(answer, user, { ANSWER: 'SOFTWARE_TOKEN_MFA' });
          break;
        case 'SOFTWARE_TOKEN_MFA': {
          const challenge = answer;
          answer = await withCode(code => respond(challenge, user, { SOFTWARE_TOKEN_MFA_CODE: code }));
          break;
        }
        case 'MFA_SETUP': {
          const { SecretCode = '', Session } = await client.send(
            new AssociateSoftwareTokenCommand({ Session: answer.Session }),
          );
          await person.enrol(SecretCode, generateURI({ issuer: 'Broch', label: person.name, secret: SecretCode }));
          const verification = await withCode(code =>
            client.send(new VerifySoftwareTokenCommand({ Session, UserCode: code, FriendlyDeviceName: 'broch' })),
          );
          answer = await respond({ ...answer, Session: verification.Session }, user, {});
          break;
        }
        default:
          throw new ExitError(
            'fault',
            `The user pool asks for ${answer.ChallengeName}, which this command cannot answer. Ask your operator.`,
          );
      }
    }
    throw new ExitError('fault', 'The sign-in did not finish after several steps. Try again.');
  } catch (error) {
    throw explainError(error, place);
  } finally {
    client.destroy();
  }
}

/** A new access token, or undefined when the session has expired or was ended by a sign-out elsewhere. */
export async function refreshTokens(
  place: ActiveProfile,
  { refresh }: SessionTokens,
): Promise<SessionTokens | undefined> {
  const client = createPoolClient(place);
  try {
    const answer = await client.send(
      new InitiateAuthCommand({
        ClientId: place.client,
        AuthFlow: 'REFRESH_TOKEN_AUTH',
        AuthParameters: { REFRESH_TOKEN: refresh },
      }),
    );
    return tokensOf(answer, new Date(), refresh);
  } catch (error) {
    if (['NotAuthorizedException', 'UserNotFoundException', 'ResourceNotFoundException'].includes(errorName(error)))
      return undefined;
    throw explainError(error, place);
  } finally {
    client.destroy();
  }
}

/** Ends a session at the user pool: revokes its refresh token and the access tokens made from it. */
export async function revokeSession(place: ActiveProfile, { refresh }: SessionTokens): Promise<void> {
  const client = createPoolClient(place);
  try {
    await client.send(new RevokeTokenCommand({ ClientId: place.client, Token: refresh }));
  } finally {
    client.destroy();
  }
}
