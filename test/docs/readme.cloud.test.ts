import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { AdminGetUserCommand, CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { generate } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cdkCommandLine, quietCdkEnvironment } from '../../local/assembly.ts';
import { rootEnvironmentFor } from '../../local/deploy.ts';
import { writeEmbeddedCloudFile } from '../cli/embedded.ts';
import { connectTestCloud } from '../cloud.ts';
import { publishTestImage } from '../workspaces/harness.ts';
import { runAwsLine } from './aws.ts';
import { documentationPages, listShellLines, splitShellWords } from './markdown.ts';

const run = promisify(execFile);
const facts = connectTestCloud();
const folder = mkdtempSync(join(tmpdir(), 'broch-readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// The runbook's lines ask AWS about alarms there; the library's own tests run its command.
const otherPages = ['docs/runbook.md', 'disclosure/README.md'];
const lines = documentationPages.filter(({ file }) => !otherPages.includes(file)).flatMap(listShellLines);
/** Other tests share the cloud, so people here have names of their own. */
const people = { olga: 'operator', petra: 'partner', rana: 'researcher', stella: 'steward', vera: 'reviewer' } as const;
const rename = (word: string) => (word in people || word === 'dana' ? `readme-${word}` : word);
let env: Record<string, string | undefined>;

beforeAll(async () => {
  const roles = Object.fromEntries(Object.entries(people).map(([name, role]) => [rename(name), role]));
  const { file } = await writeEmbeddedCloudFile(facts, folder, roles);
  // The image that desktops start from, as `npm start` leaves it.
  await publishTestImage(facts, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  // `npm link`, into a folder of the test's own.
  await run('npm', ['link', '--offline'], { env: { ...process.env, npm_config_prefix: folder } });
  env = { ...process.env, XDG_CONFIG_HOME: folder, BROCH_CLOUD: file, BROCH_AS: undefined };
});

/** The lines for a person who leaves: they run last. */
const isLeaving = (line: string) => /member remove|admin-remove-user-from-group|admin-disable-user/.test(line);

const kinds = {
  npm: lines.filter(line => line.startsWith('npm ')),
  broch: lines.filter(line => line.startsWith('broch ') && !line.includes('<') && !isLeaving(line)),
  login: lines.filter(line => line.startsWith('broch ') && line.includes('<')),
  cdk: lines.filter(line => line.startsWith('npx cdk ')),
  aws: lines.filter(line => line.startsWith('aws ') && !isLeaving(line)),
  leaving: lines.filter(isLeaving),
};

it('these tests run every command that a page shows in a code block', () => {
  expect(Object.values(kinds).flat().sort()).toEqual([...lines].sort());
  // test/local/story.test.ts runs the first; the second is this run.
  expect(kinds.npm).toEqual(['npm start', 'npm test', 'npm link']);
});

describe('a command of the pages that reads from Broch prints a result', () => {
  it.each(kinds.broch)('%s', async line => {
    const ran = await run(join(folder, 'bin/broch'), splitShellWords(line).slice(1).map(rename), { env });
    expect(ran.stdout).not.toBe('');
  });
});

describe('the pages’ commands for an AWS account', () => {
  // One of its own: nothing that is put there is in anybody's way.
  const account = '111122223333';
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = rootEnvironmentFor(account);
  const configuration = { ...facts.configuration, credentials: { accessKeyId, secretAccessKey } };
  const assembly = join(folder, 'cdk.out');
  const admin = {
    ...facts.environment,
    ...quietCdkEnvironment,
    ...rootEnvironmentFor(account),
    AWS_PROFILE: undefined,
  };

  /** `cdk deploy` as far as it goes where not every type of resource is known: it synthesises, with the same arguments. */
  const asSynth = ([verb = '', ...args]: string[]) =>
    verb === 'deploy' ? ['synth', '--quiet', ...args.filter(arg => arg !== '--all')] : [verb, ...args];

  it('deploy and delete with the CDK as the pages say', async () => {
    const commands = kinds.cdk.map(line => splitShellWords(line).slice(2));
    const first = commands.find(([verb]) => verb === 'deploy') ?? [];
    for (const args of [first, ...commands.filter(args => args !== first)]) {
      const flags = [...asSynth(args), ...(args === first ? ['-o', assembly] : ['--app', assembly])];
      const [program = '', ...argv] = cdkCommandLine(...flags, ...(args[0] === 'destroy' ? ['--force'] : []));
      const ran = await run(program, argv, { env: { ...process.env, ...admin }, maxBuffer: 2 ** 26 });
      if (args[0] === 'diff') expect(ran.stdout + ran.stderr).toContain('broch-prod-airlock');
    }
    expect(commands.map(([verb]) => verb)).toEqual(['bootstrap', 'diff', 'deploy', 'deploy', 'deploy', 'destroy']);
  });

  it('do what is needed after the first deployment and before the deletion', async () => {
    const [secrets, formation] = [new SecretsManagerClient(configuration), new CloudFormationClient(configuration)];
    const { ARN = '' } = await secrets.send(new CreateSecretCommand({ Name: 'webhook' }));
    writeFileSync(join(folder, 'webhook.txt'), 'https://example.logic.azure.com/workflows/1?sig=2\n');
    const names = new Set([...kinds.aws.join('\n').matchAll(/--stack-name (\S+)/g)].map(([, name = '']) => name));
    const Resources = { Topic: { Type: 'AWS::SNS::Topic' } };
    for (const StackName of names)
      await formation.send(
        new CreateStackCommand({
          StackName,
          TemplateBody: JSON.stringify({ Resources }),
          EnableTerminationProtection: StackName.includes('-project-'),
        }),
      );
    for (const line of kinds.aws) {
      const argv = argumentsOf(line, { Webhook: ARN });
      // The pool is the one that is deployed; its mail, which nobody gets, would have held the password.
      const mail = argv[1] === 'admin-create-user' ? { TemporaryPassword: temporary, MessageAction: 'SUPPRESS' } : {};
      await runAwsLine(argv, argv[0] === 'cognito-idp' ? facts.configuration : configuration, folder, mail);
    }
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: ARN }));
    expect(SecretString).toBe('https://example.logic.azure.com/workflows/1?sig=2');
    const deletions = [...kinds.aws.join('\n').matchAll(/delete-stack --stack-name (\S+)/g)];
    expect(deletions.length).toBe(2);
    for (const [, StackName] of deletions) {
      const description = await formation.send(new DescribeStacksCommand({ StackName })).catch(() => ({ Stacks: [] }));
      expect(description.Stacks?.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE')).toEqual([]);
    }
  });

  /** The words behind the program, with people of the test's own and values for placeholders. */
  const argumentsOf = (line: string, values: Readonly<Record<string, string>> = {}) => {
    const outputs: Record<string, string> = { Pool: facts.outputs['data.Pool'] ?? '', ...values };
    return splitShellWords(line)
      .slice(1)
      .map(rename)
      .map(word => word.replace(/^<(\w+)>$/, (_, name) => outputs[name] ?? ''));
  };

  it.each(kinds.login)('sign in the person who was just created: %s', async line => {
    const values: Record<string, string> = {
      Url: facts.api,
      Pool: facts.outputs['data.Pool'] ?? '',
      Client: facts.outputs['data.Client'] ?? '',
    };
    const args = splitShellWords(line)
      .slice(1)
      .map(word => word.replace(/^<(\w+)>$/, (_, name) => values[name] ?? ''));
    const answers = [rename('dana'), temporary, permanent, permanent];
    const home = join(folder, 'dana');
    const child = spawn(process.execPath, ['bin/broch.ts', ...args], {
      env: { ...env, ...facts.environment, XDG_CONFIG_HOME: home, BROCH_CLOUD: join(folder, 'none') },
    });
    child.stdin.write(`${answers.join('\n')}\n`);
    let output = '';
    let isEnrolled = false;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', async chunk => {
        output += chunk;
        // The key of the authenticator app, which then shows the code.
        const secret = /key +([A-Z2-7 ]+)\n/.exec(output)?.[1]?.replaceAll(' ', '');
        if (secret === undefined || isEnrolled) return;
        isEnrolled = true;
        child.stdin.end(`${await generate({ secret })}\n`);
      });
    const code = await new Promise(resolve => child.once('close', resolve));
    expect({ code, said: output }).toMatchObject({
      code: 0,
      said: expect.stringContaining('Signed in to main as readme-dana.'),
    });
    expect(JSON.parse(readFileSync(join(home, 'broch/profiles.json'), 'utf8')).chosen).toBe('main');
  });

  it('do what is needed when a person leaves', async () => {
    const broch = (...words: string[]) => run(join(folder, 'bin/broch'), words, { env });
    await broch('member', 'add', 'sleep', rename('dana'), '--roles', 'researcher', '--as', rename('olga'));
    expect(kinds.leaving.length).toBe(3);
    for (const line of kinds.leaving)
      if (line.startsWith('broch ')) await broch(...argumentsOf(line));
      else await runAwsLine(argumentsOf(line), facts.configuration, folder);
    const { stdout } = await broch('member', 'list', 'sleep', '--as', rename('olga'));
    expect(stdout).not.toContain(rename('dana'));
    const account = { UserPoolId: facts.outputs['data.Pool'], Username: rename('dana') };
    const pool = new CognitoIdentityProviderClient(facts.configuration);
    expect((await pool.send(new AdminGetUserCommand(account))).Enabled).toBe(false);
  });
});

const [temporary, permanent] = ['Given-to-her-1-time', 'Her-own-password-1!'];
