import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { ExitError } from './exit.ts';

const root = join(import.meta.dirname, '../..');

/** The address of an API and its user pool. The address must be https because tokens are sent to it. */
const Profile = z.object({
  api: z.url({
    protocol: /^https$/,
    error: 'an address such as https://abc123.execute-api.eu-west-2.amazonaws.com/v1',
  }),
  pool: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d_[A-Za-z0-9]+$/, 'a user pool such as eu-west-2_aBcDeFgHi'),
  client: z.string().regex(/^[A-Za-z0-9]{1,128}$/, 'the id of an app client of the pool'),
});
export type Profile = z.infer<typeof Profile>;
export const ProfileName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'lower-case letters, digits and hyphens, starting with a letter');
const Profiles = z.object({ chosen: ProfileName, profiles: z.record(ProfileName, Profile) });

/** The file that `npm start` writes while the embedded cloud runs. */
const Cloud = z.object({
  endpoint: z.url({ protocol: /^https$/, hostname: /^(127\.0\.0\.1|localhost)$/ }),
  ca: z.string(),
  account: z.string().regex(/^\d{12}$/),
  api: z.url(),
  pool: z.string(),
  client: z.string(),
  people: z.array(z.object({ name: z.string(), role: z.string(), password: z.string(), totp: z.string() })),
});

/** A profile in use. `embedded` is present for the embedded cloud of `npm start` on this machine. */
export interface ActiveProfile extends Profile {
  readonly name: string;
  readonly region: string;
  readonly embedded?: {
    readonly endpoint: string;
    /** The certificate (PEM) to trust for this profile only. */
    readonly ca: string;
    readonly account: string;
    readonly people: z.infer<typeof Cloud>['people'];
  };
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder for profiles, tokens and unfinished uploads. */
export const cliHome = (env: Environment): string => join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'broch');

/** Writes a file that only its owner may read, atomically. */
export function writePrivateFile(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, JSON.stringify(value, null, 2), { mode: 0o600, flag: 'wx' });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

/** A file of the command line was damaged and is set aside: the command can run again as if it had never been there. */
export class RepairedFileError extends Error {
  constructor(file: string) {
    super(`${file} was damaged. It is now ${file}.damaged.`);
    this.name = 'RepairedFile';
  }
}

/** The content of a file in its schema; undefined if there is no such file, `onDamage` if it cannot be read. */
function readJsonFile<T>(file: string, schema: z.ZodType<T>, onDamage: () => Error): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw onDamage();
  }
}

/** Reads a file of the command line; undefined if it does not exist. A damaged one is set aside. */
export const readPrivateFile = <T>(file: string, schema: z.ZodType<T>): T | undefined =>
  readJsonFile(file, schema, () => {
    renameSync(file, `${file}.damaged`);
    return new RepairedFileError(file);
  });

const profilesFile = (env: Environment) => join(cliHome(env), 'profiles.json');
const placeOf = (name: string, profile: Profile): ActiveProfile => ({
  ...profile,
  name,
  region: profile.pool.split('_')[0] as string,
});

/** The embedded cloud, while `npm start` runs. */
function embedded(file: string): ActiveProfile | undefined {
  const cloud = readJsonFile(
    file,
    Cloud,
    () => new ExitError('fault', `${file} is damaged. Stop \`npm start\` and start it again, which writes the file.`),
  );
  if (!cloud || !existsSync(cloud.ca)) return undefined;
  const { endpoint, account, people, api, pool, client } = cloud;
  return {
    ...placeOf('local', { api, pool, client }),
    embedded: { endpoint, account, people, ca: readFileSync(cloud.ca, 'utf8') },
  };
}

/** The file that exists while the embedded cloud runs. */
const embeddedCloudFile = (env: Environment): string => env.BROCH_CLOUD ?? join(root, '.local/cloud.json');

/** Chooses the named profile, else the embedded cloud while it runs, else the profile of the last sign-in. */
export function chooseProfile(env: Environment, requestedName: string | undefined): ActiveProfile {
  const name = requestedName ?? env.BROCH_PROFILE;
  if (name === undefined || name === 'local') {
    const local = embedded(embeddedCloudFile(env));
    if (local) return local;
    if (name === 'local')
      throw new ExitError(
        'unsigned',
        'The embedded cloud is not running. Start it with `npm start` and leave it running.',
      );
  }
  const store = readPrivateFile(profilesFile(env), Profiles);
  const profile = store?.profiles[name ?? store.chosen];
  if (store && profile) return placeOf(name ?? store.chosen, profile);
  if (name === undefined)
    throw new ExitError(
      'unsigned',
      'There is no profile yet. Run `npm start` for the embedded cloud, or sign in: broch login --api … --pool … --client …',
    );
  const names = Object.keys(store?.profiles ?? {});
  throw new ExitError(
    'usage',
    `There is no profile ${name}. ${names.length > 0 ? `Profiles: ${names.join(', ')}.` : 'Create it: broch login --profile … --api … --pool … --client …'}`,
  );
}

/** Saves a profile and makes it the default. */
export function saveProfile(env: Environment, name: string, profile: Profile): ActiveProfile {
  const validated = Profile.parse(profile);
  const store = readPrivateFile(profilesFile(env), Profiles);
  writePrivateFile(profilesFile(env), { chosen: name, profiles: { ...store?.profiles, [name]: validated } });
  return placeOf(name, validated);
}

/** The flags of `broch login` that define a profile. */
export const ProfileFlags = Profile.partial();
