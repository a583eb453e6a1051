import * as z from 'zod';
import { type Context, command } from './commands.ts';
import { Exit } from './exit.ts';
import { columns } from './output.ts';
import { choosePlace, keepPlace, type Place, ProfileFlags, ProfileName } from './profile.ts';
import { type Prompt, terminal } from './prompt.ts';
import { embeddedPerson, forget, remember } from './session.ts';
import type { Person } from './signin.ts';

/** A person at a terminal. */
const asked = (name: string, ask: Prompt): Person => ({
  name,
  password: () => ask('Password:', true),
  newPassword: async () => {
    process.stderr.write(
      'The password you were given has to be replaced by one of your own (14 characters or more).\n',
    );
    const first = await ask('New password:', true);
    if ((await ask('The same again:', true)) !== first) throw new Exit('usage', 'The two are not the same.');
    return first;
  },
  code: again => ask(again ? 'That was not the code due now. The next one:' : 'Code of your authenticator:'),
  enrol: async (secret, uri) => {
    process.stderr.write(
      `\nSet up your authenticator app with this key (or the address below as a QR code), then type its code.\n\n` +
        `  key      ${secret.replace(/(.{4})(?=.)/g, '$1 ')}\n  address  ${uri}\n\n`,
    );
  },
});

/** In the embedded cloud the name is enough. */
async function known(place: Place, { as, env }: Context): Promise<string> {
  if (as === undefined) {
    const rows = place.embedded?.people.map(({ name, role }) => [`  ${name}`, role]) ?? [];
    throw new Exit('usage', `Say who you are with --as:\n${columns(rows)}`);
  }
  await remember(env, place, embeddedPerson(place, as), true);
  return as;
}

async function asking(place: Place, { as, env }: Context): Promise<string> {
  using ask = terminal();
  const name = as ?? (await ask('Name:'));
  await remember(env, place, asked(name, ask), true);
  return name;
}

export const login = command({
  words: ['login'],
  summary: 'Sign in, the first time with the address of your Broch',
  about: [
    'Asks for your name, password and code (and, the first time, has you choose a password and set up an authenticator).',
    'While the embedded cloud of `npm start` is up it is used unless a profile is named, and --as is enough.',
    'The address, user pool and client are outputs of the deployment (Url, Pool, Client).',
  ],
  examples: [
    'login --as dana',
    'login --profile main --api https://abc123.execute-api.eu-west-2.amazonaws.com/v1 --pool eu-west-2_aBcDeFgHi --client 1h57kf5cpq17m0eml12EXAMPLE',
  ],
  params: z.object({}),
  flags: ProfileFlags,
  async run({ flags: { api, pool, client } }, context) {
    let place: Place;
    if (api === undefined && pool === undefined && client === undefined) place = context.place();
    else if (api === undefined || pool === undefined || client === undefined)
      throw new Exit('usage', 'A new profile needs all of --api, --pool and --client.');
    else {
      const name = ProfileName.safeParse(context.profile ?? 'main');
      if (!name.success || name.data === 'local')
        throw new Exit('usage', '--profile: lower-case letters, digits and hyphens, not `local`.');
      place = keepPlace(context.env, name.data, { api, pool, client });
    }
    const name = place.embedded ? await known(place, context) : await asking(place, context);
    context.result({ profile: place.name, name, api: place.api }, `Signed in to ${place.name} as ${name}.`);
    return 'ok';
  },
});

export const logout = command({
  words: ['logout'],
  summary: 'End your session, here and at the user pool',
  examples: ['logout', 'logout --as dana'],
  params: z.object({}),
  flags: z.object({}),
  async run(_, context) {
    const place = choosePlace(context.env, context.profile);
    const name = await forget(context.env, place, context.as);
    context.result(
      { profile: place.name, ...(name && { name }) },
      name ? `${name} is signed out of ${place.name}.` : `Nobody was signed in to ${place.name}.`,
    );
    return 'ok';
  },
});
