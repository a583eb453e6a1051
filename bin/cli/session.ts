import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate } from 'otplib';
import * as z from 'zod';
import type { AccessTokenSource as Source } from './call.ts';
import { ExitError } from './exit.ts';
import { type ActiveProfile, cliHome, type Environment, readPrivateFile, writePrivateFile } from './profile.ts';
import { refreshTokens, revokeSession, type SessionTokens, type SignInUser, signIn } from './signin.ts';

const Kept = z.object({ name: z.string(), access: z.string(), refresh: z.string(), until: z.iso.datetime() });
const Current = z.object({ name: z.string() });

/** Files are named by a hash, because a person's name may contain any character. A new user pool gets new files. */
const fileOf = (env: Environment, { api, pool, client }: ActiveProfile, name = '') => {
  const id = createHash('sha256')
    .update(JSON.stringify([api, pool, client, name]))
    .digest('hex')
    .slice(0, 24);
  return join(cliHome(env), 'sessions', `${id}.json`);
};

/** The person who signed in last. */
const findCurrentUser = (env: Environment, place: ActiveProfile): string | undefined =>
  readPrivateFile(fileOf(env, place), Current)?.name;

/** Signs in and saves the session; with `isDefault` later commands act as this person. */
export async function startSession(
  env: Environment,
  place: ActiveProfile,
  person: SignInUser,
  isDefault: boolean,
): Promise<SessionTokens> {
  const tokens = await signIn(place, person);
  writePrivateFile(fileOf(env, place, person.name), { name: person.name, ...tokens });
  if (isDefault) writePrivateFile(fileOf(env, place), { name: person.name });
  return tokens;
}

/** Ends one person's session, or the current one. Returns the person's name. */
export async function endSession(
  env: Environment,
  place: ActiveProfile,
  requestedName?: string,
): Promise<string | undefined> {
  const name = requestedName ?? findCurrentUser(env, place);
  const session = name === undefined ? undefined : readPrivateFile(fileOf(env, place, name), Kept);
  if (!session) return undefined;
  // Delete the files first: this machine is signed out even when the pool cannot be reached.
  rmSync(fileOf(env, place, session.name), { force: true });
  if (findCurrentUser(env, place) === session.name) rmSync(fileOf(env, place), { force: true });
  await revokeSession(place, session);
  return session.name;
}

/** A person of the embedded cloud, whose password and codes come from its file. */
export function findEmbeddedUser(place: ActiveProfile, name: string): SignInUser {
  const people = place.embedded?.people ?? [];
  const user = people.find(person => person.name === name);
  if (!user)
    throw new ExitError('usage', `The embedded cloud has no person ${name}. Choose one of: ${introduce(place)}.`);
  const failSetup = async () => {
    throw new ExitError('fault', `${name} is not set up in the embedded cloud. Start it again: npm start`);
  };
  return {
    name,
    password: async () => user.password,
    // A code works once and may expire on its way. The next one is due within 30 seconds.
    code: async isRetry => {
      if (isRetry) await sleep(30_000 - (Date.now() % 30_000) + 500);
      return generate({ secret: user.totp });
    },
    newPassword: failSetup,
    enrol: failSetup,
  };
}

const introduce = (place: ActiveProfile): string =>
  (place.embedded?.people ?? []).map(({ name, role }) => `${name} (${role})`).join(', ');

/** The person a command acts as, with stored tokens. Expired tokens are renewed; the embedded cloud signs in again. */
export function loadSession(
  env: Environment,
  place: ActiveProfile,
  requestedName: string | undefined,
): { name: string; tokens: Source } {
  const name = requestedName ?? env.BROCH_AS ?? findCurrentUser(env, place);
  if (name === undefined)
    throw new ExitError(
      'unsigned',
      place.embedded
        ? `You are not signed in. Choose a person, as in \`broch login --as ${place.embedded.people[0]?.name}\`: ${introduce(place)}.`
        : 'You are not signed in. Sign in: broch login',
    );
  const file = fileOf(env, place, name);
  return {
    name,
    tokens: async renewal => {
      const session = existsSync(file) ? readPrivateFile(file, Kept) : undefined;
      if (session && !renewal && Date.parse(session.until) > Date.now() + 60_000) return session.access;
      const fresh = session && (await refreshTokens(place, session));
      if (fresh) {
        writePrivateFile(file, { name, ...fresh });
        return fresh.access;
      }
      rmSync(file, { force: true });
      if (place.embedded) return (await startSession(env, place, findEmbeddedUser(place, name), false)).access;
      throw new ExitError(
        'unsigned',
        session
          ? 'Your session has ended. Sign in again: broch login'
          : `${name} is not signed in. Sign in: broch login`,
      );
    },
  };
}
