import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AssociateSoftwareTokenCommand,
  type ChallengeNameType,
  CognitoIdentityProviderClient,
  RespondToAuthChallengeCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { generate } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActiveProfile } from '../../bin/cli/profile.ts';
import { createPoolClient, signIn } from '../../bin/cli/signin.ts';
import { repositoryRoot } from '../../local/cloud.ts';
import { connectTestCloud } from '../cloud.ts';
import { writeEmbeddedCloudFile } from './embedded.ts';
import { makeTestFolder, runBroch } from './harness.ts';

const facts = connectTestCloud();
let file: string;
let place: ActiveProfile;

beforeAll(async () => {
  ({ file, place } = await writeEmbeddedCloudFile(facts, makeTestFolder(afterAll), {
    'cli-olga': 'operator',
    'cli-rana': 'researcher',
  }));
});

/** A home of its own, and the commands run in it. */
function createPerson() {
  const home = makeTestFolder();
  const env = { XDG_CONFIG_HOME: home, BROCH_CLOUD: file };
  const sessions = () => readdirSync(join(home, 'broch/sessions')).map(name => join(home, 'broch/sessions', name));
  const sessionFile = () => sessions().find(name => readFileSync(name, 'utf8').includes('refresh')) as string;
  return { home, env, sessions, kept: sessionFile, run: (line: string) => runBroch(line.split(' '), env) };
}

describe('signing in', () => {
  it('is required, and the message lists the people of the embedded cloud', async () => {
    const { run } = createPerson();
    const { code, err } = await run('whoami');
    expect(code).toBe(4);
    expect(err).toMatch(/cli-olga \(operator\), cli-rana \(researcher\)/);
    expect((await run('login')).code).toBe(2);
    expect((await run('login --as nobody')).code).toBe(2);
  });

  it('checks the password by SRP and a code, and only its owner can read the session', async () => {
    const { run, sessions, home } = createPerson();
    expect(await run('login --as cli-olga')).toMatchObject({ code: 0, output: 'Signed in to local as cli-olga.\n' });
    const { code, output, err } = await run('whoami --json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(output)).toEqual({
      id: expect.any(String),
      name: 'cli-olga',
      groups: ['operator'],
      projects: [],
    });
    for (const name of [...sessions(), join(home, 'broch'), join(home, 'broch/sessions')])
      expect(statSync(name).mode & 0o077).toBe(0);
    for (const name of sessions()) expect(readFileSync(name, 'utf8')).not.toMatch(/password|totp/i);
  });

  it('with --as or BROCH_AS does not replace the signed-in person', async () => {
    const { run, env } = createPerson();
    await run('login --as cli-olga');
    expect(JSON.parse((await run('whoami --as cli-rana --json')).output).name).toBe('cli-rana');
    expect(JSON.parse((await runBroch(['--json', 'whoami'], { ...env, BROCH_AS: 'cli-rana' })).output).name).toBe(
      'cli-rana',
    );
    expect(JSON.parse((await run('whoami --json')).output).name).toBe('cli-olga');
  });

  it('lasts longer than the access token, with the refresh token', async () => {
    const { run, kept: sessionFile } = createPerson();
    await run('login --as cli-olga');
    const initialTokens = JSON.parse(readFileSync(sessionFile(), 'utf8'));
    writeFileSync(sessionFile(), JSON.stringify({ ...initialTokens, until: '2020-01-01T00:00:00.000Z' }));
    expect((await run('whoami')).code).toBe(0);
    const finalTokens = JSON.parse(readFileSync(sessionFile(), 'utf8'));
    expect(finalTokens.refresh).toBe(initialTokens.refresh);
    expect(finalTokens.access).not.toBe(initialTokens.access);
  });

  it('renews a token that the API refuses, and sets a damaged session file aside', async () => {
    const { run, kept: sessionFile } = createPerson();
    await run('login --as cli-olga');
    writeFileSync(
      sessionFile(),
      JSON.stringify({ ...JSON.parse(readFileSync(sessionFile(), 'utf8')), access: 'a.b.c' }),
    );
    expect((await run('whoami')).code).toBe(0);
    const damagedFile = sessionFile();
    writeFileSync(damagedFile, '{');
    expect(await run('whoami')).toMatchObject({ code: 0, err: expect.stringContaining(`${damagedFile} was damaged`) });
    expect(await run('whoami')).toMatchObject({ code: 0, err: '' });
    writeFileSync(damagedFile, '{');
    expect(await run('logout')).toMatchObject({ code: 0 });
  });

  it('ends on this machine and at the user pool', async () => {
    const { run, kept: sessionFile, sessions } = createPerson();
    await run('login --as cli-rana');
    const old = readFileSync(sessionFile(), 'utf8');
    expect(await run('logout')).toMatchObject({ code: 0, output: 'cli-rana is signed out of local.\n' });
    expect(sessions()).toEqual([]);
    expect((await run('whoami')).code).toBe(4);
    expect((await run('logout')).output).toBe('Nobody was signed in to local.\n');
    // The refresh token is void, were somebody to have kept it.
    await run('login --as cli-rana');
    writeFileSync(sessionFile(), JSON.stringify({ ...JSON.parse(old), until: '2020-01-01T00:00:00.000Z' }));
    const { refreshTokens } = await import('../../bin/cli/signin.ts');
    expect(await refreshTokens(place, JSON.parse(old))).toBeUndefined();
  });

  it('is refused with a wrong password, without telling whether the person exists', async () => {
    const attempt = (name: string) =>
      signIn(place, {
        name,
        password: async () => 'wrong',
        newPassword: async () => 'x',
        code: async () => '000000',
        enrol: async () => {},
      }).catch(error => error);
    const [member, unknown] = [await attempt('cli-olga'), await attempt('cli-nobody')];
    expect(member).toMatchObject({ ending: 'unsigned' });
    expect(unknown.message).toBe(member.message);
  });

  it('is refused after three wrong codes', async () => {
    const people = JSON.parse(readFileSync(file, 'utf8')).people as { name: string; password: string }[];
    const tries: boolean[] = [];
    const answer = await signIn(place, {
      name: 'cli-olga',
      password: async () => people.find(({ name }) => name === 'cli-olga')?.password ?? '',
      newPassword: async () => 'x',
      code: async isRetry => {
        tries.push(isRetry);
        return '000 000';
      },
      enrol: async () => {},
    }).catch(error => error);
    expect(answer).toMatchObject({ ending: 'unsigned', message: expect.stringContaining('clock') });
    expect(tries).toEqual([false, true, true]);
  });

  describe('for the first time', () => {
    const admin = new CognitoIdentityProviderClient(facts.configuration);
    /** A person whom an operator has just added. `questions` is what they were asked. */
    async function addPerson(name: string, newPassword: string) {
      const user = { UserPoolId: place.pool, Username: name };
      await admin.send(
        new AdminCreateUserCommand({ ...user, MessageAction: 'SUPPRESS', TemporaryPassword: 'Given-to-her-1-time' }),
      );
      await admin.send(new AdminAddUserToGroupCommand({ ...user, GroupName: 'partner' }));
      const questions: string[] = [];
      let secret = '';
      const ask = async (question: string, answer: string) => {
        questions.push(question);
        return answer;
      };
      const start = (password: string) =>
        signIn(place, {
          name,
          password: async () => password,
          newPassword: () => ask('new password', newPassword),
          code: async () => ask('code', await generate({ secret })),
          enrol: async key => {
            secret = key;
            questions.push('authenticator');
          },
        });
      return { questions, start, user };
    }

    it('asks for a new password and sets up the authenticator, and later asks for a code only', async () => {
      const { questions, start } = await addPerson('cli-nina', 'Her-own-password-1!');
      expect((await start('Given-to-her-1-time')).access).toMatch(/\./);
      expect(questions.splice(0)).toEqual(['new password', 'authenticator', 'code']);
      expect((await start('Her-own-password-1!')).access).toMatch(/\./);
      expect(questions).toEqual(['code']);
    });

    it('refuses a new password that is too weak, and says which rule it breaks', async () => {
      const { start } = await addPerson('cli-nora', 'short');
      await expect(start('Given-to-her-1-time')).rejects.toMatchObject({
        ending: 'refused',
        message: expect.stringMatching(/length greater than or equal to 14/),
      });
    });

    it('gives no tokens without the authenticator, also with the answers of another step or person', async () => {
      const { user } = await addPerson('cli-nele', 'x');
      const { client: ClientId } = place;
      const pool = createPoolClient(place);
      const respond = (ChallengeName: ChallengeNameType, answers: Record<string, string>, Session: string) =>
        pool.send(
          new RespondToAuthChallengeCommand({
            ClientId,
            ChallengeName,
            Session,
            ChallengeResponses: { USERNAME: user.Username, ...answers },
          }),
        );
      await expect(respond('MFA_SETUP', {}, 'A'.repeat(44))).rejects.toThrow(/Invalid session/);
      await expect(
        respond('SOFTWARE_TOKEN_MFA', { SOFTWARE_TOKEN_MFA_CODE: '000000' }, 'A'.repeat(44)),
      ).rejects.toThrow(/Invalid session/);
      await expect(
        respond('NEW_PASSWORD_REQUIRED', { NEW_PASSWORD: 'Her-own-password-1!' }, 'A'.repeat(44)),
      ).rejects.toThrow(/Invalid session/);
      await expect(pool.send(new AssociateSoftwareTokenCommand({ Session: 'A'.repeat(44) }))).rejects.toThrow(
        /Invalid session/,
      );
      pool.destroy();
    });
  });
});

describe('the installed command', () => {
  it('passes on the arguments, the exit code and both outputs', () => {
    const { env } = createPerson();
    const run = (...argv: string[]) =>
      spawnSync(process.execPath, [join(repositoryRoot, 'bin/broch.js'), ...argv], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
    const me = run('whoami', '--as', 'cli-rana', '--json');
    expect({ status: me.status, stderr: me.stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(me.stdout)).toMatchObject({ groups: ['researcher'] });
    const no = run('cost', 'list', '--as', 'cli-rana', '--json');
    expect({ status: no.status, stdout: no.stdout }).toEqual({ status: 3, stdout: '' });
    expect(JSON.parse(no.stderr)).toMatchObject({ status: 403 });
  });
});
