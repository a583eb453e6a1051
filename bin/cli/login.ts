import * as z from 'zod';
import { type CommandContext, defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatColumns } from './output.ts';
import { type ActiveProfile, chooseProfile, ProfileFlags, ProfileName, saveProfile } from './profile.ts';
import { createTerminalPrompt, type Prompt } from './prompt.ts';
import { endSession, findEmbeddedUser, startSession } from './session.ts';
import type { SignInUser } from './signin.ts';

/** Asks a person at a terminal. */
const createTerminalUser = (name: string, ask: Prompt): SignInUser => ({
  name,
  password: () => ask('Password:', true),
  newPassword: async () => {
    process.stderr.write('Your password is temporary. Choose a new one of at least 14 characters.\n');
    const first = await ask('New password:', true);
    if ((await ask('Repeat the new password:', true)) !== first)
      throw new ExitError('usage', 'The two passwords differ. Run this again.');
    return first;
  },
  code: isRetry => ask(isRetry ? 'The code was wrong. Enter the next code:' : 'Authenticator code:'),
  enrol: async (secret, uri) => {
    process.stderr.write(
      `\nSet up your authenticator app with this key (or the address below as a QR code), then enter its code.\n\n` +
        `  key      ${secret.replace(/(.{4})(?=.)/g, '$1 ')}\n  address  ${uri}\n\n`,
    );
  },
});

/** Signs in to the embedded cloud, which needs only a name. */
async function signInEmbedded(place: ActiveProfile, { person, env }: CommandContext): Promise<string> {
  if (person === undefined) {
    const rows = place.embedded?.people.map(({ name, role }) => [`  ${name}`, role]) ?? [];
    throw new ExitError('usage', `Choose a person with --as:\n${formatColumns(rows)}`);
  }
  await startSession(env, place, findEmbeddedUser(place, person), true);
  return person;
}

async function signInAtTerminal(place: ActiveProfile, { person, env }: CommandContext): Promise<string> {
  using ask = createTerminalPrompt();
  const name = person ?? (await ask('Name:'));
  await startSession(env, place, createTerminalUser(name, ask), true);
  return name;
}

export const loginCommand = defineCommand({
  words: ['login'],
  summary: 'Sign in; the first time, with --profile, --api, --pool and --client',
  notes: [
    'Asks for your name, your password and the code of your authenticator app. The first time you also choose a password',
    'and set up the app.',
    'While `npm start` runs, the embedded cloud is used unless you name a profile; there you need only --as.',
    'The values of --api, --pool and --client are outputs of the deployment (Url, Pool, Client); your operator has them.',
  ],
  examples: [
    'login --as dana',
    'login --profile main --api https://abc123.execute-api.eu-west-2.amazonaws.com/v1 --pool eu-west-2_aBcDeFgHi --client 1h57kf5cpq17m0eml12EXAMPLE',
  ],
  params: z.object({}),
  flags: ProfileFlags,
  async run({ flags: { api, pool, client } }, context) {
    let place: ActiveProfile;
    if (api === undefined && pool === undefined && client === undefined) place = context.place();
    else if (api === undefined || pool === undefined || client === undefined)
      throw new ExitError('usage', 'A new profile needs --api, --pool and --client.');
    else {
      const name = ProfileName.safeParse(context.profile ?? 'main');
      if (!name.success || name.data === 'local')
        throw new ExitError('usage', '--profile: use lower-case letters, digits and hyphens; `local` is reserved.');
      place = saveProfile(context.env, name.data, { api, pool, client });
    }
    const name = place.embedded ? await signInEmbedded(place, context) : await signInAtTerminal(place, context);
    context.result({ profile: place.name, name, api: place.api }, `Signed in to ${place.name} as ${name}.`);
    return 'ok';
  },
});

export const logoutCommand = defineCommand({
  words: ['logout'],
  summary: 'Sign out on this machine and at the user pool',
  examples: ['logout', 'logout --as dana'],
  params: z.object({}),
  flags: z.object({}),
  async run(_, context) {
    const place = chooseProfile(context.env, context.profile);
    const name = await endSession(context.env, place, context.person);
    context.result(
      { profile: place.name, ...(name && { name }) },
      name ? `${name} is signed out of ${place.name}.` : `Nobody was signed in to ${place.name}.`,
    );
    return 'ok';
  },
});
