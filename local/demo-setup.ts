import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type Api, agentFor, apiAt } from '../bin/cli/call.ts';
import type { Place } from '../bin/cli/profile.ts';
import type { Group } from '../functions/http/route.ts';
import { playAgents } from './agent.ts';
import type { Estate, Facts } from './deployed-cloud.ts';
import { startGateway } from './gateway.ts';
import { type Inbox, openInbox } from './inbox.ts';
import { enrol, type LocalPerson, signInAs } from './people.ts';
import { type Credentials, clientOf, rootCredentials, stagehand } from './roles.ts';
import { startScanner } from './scanner.ts';

/** Everything around Broch that an organisation has and the embedded cloud must play. */
export interface Stage {
  readonly facts: Facts;
  /** What is up, as whoever uses it from outside needs to know it; `file` holds the same. */
  readonly cloud: Readonly<Record<string, unknown>>;
  readonly place: Place;
  /** The file that tells the command line where everything is. */
  readonly file: string;
  readonly people: readonly LocalPerson[];
  readonly inbox: Inbox;
  readonly gateway: { readonly url: string };
  /** The API as one of the people, signed in with password and code when first used. */
  as(name: string): Api;
  close(): Promise<void>;
}

const cast: readonly [name: string, role: Group][] = [
  ['olga', 'operator'],
  ['petra', 'partner'],
  ['rana', 'researcher'],
  ['stella', 'steward'],
  ['victor', 'reviewer'],
  ['vera', 'reviewer'],
];

/** What an administrator does once after the first deploy: images to start desktops from, and where the card goes. */
async function prepare(facts: Facts, credentials: Credentials, webhook: string) {
  const configuration = clientOf(facts, credentials);
  const [ssm, secrets] = [new SSMClient(configuration), new SecretsManagerClient(configuration)];
  try {
    for (const [kind, Value] of [
      ['linux', 'ami-0a0a0a0a0a0a0a0a0'],
      ['windows', 'ami-0b0b0b0b0b0b0b0b0'],
    ])
      await ssm.send(
        new PutParameterCommand({
          Name: `/broch/images/${kind}/current`,
          Value,
          Type: 'String',
          DataType: 'aws:ec2:image',
          Overwrite: true,
        }),
      );
    await secrets.send(new PutSecretValueCommand({ SecretId: facts.outputs['data.Webhook'], SecretString: webhook }));
  } finally {
    ssm.destroy();
    secrets.destroy();
  }
}

/** Guacamole's own key, as its container gets it. */
async function gatewayKey(facts: Facts, credentials: Credentials): Promise<string> {
  const client = new SecretsManagerClient(clientOf(facts, credentials));
  try {
    const { SecretString = '' } = await client.send(
      new GetSecretValueCommand({ SecretId: facts.outputs['data.GatewayKey'] }),
    );
    return SecretString;
  } finally {
    client.destroy();
  }
}

/** Opens the inbox and the gateway, makes the people, lets the desktops' agents play. Everything after is theirs to do. */
export async function setStage({ facts }: Pick<Estate, 'facts'>, file: string): Promise<Stage> {
  const { ca, certificateKey, endpoint, account, region, api, outputs, ports } = facts;
  const [certificate, key] = [readFileSync(ca, 'utf8'), readFileSync(certificateKey, 'utf8')];
  const admin = await stagehand(facts);
  const inbox = await openInbox({ ca, certificateKey, port: ports.inbox });
  const guacamole = await gatewayKey(facts, admin);
  const gateway = await startGateway({
    port: ports.gateway,
    certificate,
    certificateKey: key,
    secret: () => guacamole,
  });
  await prepare(facts, admin, inbox.webhook);
  const bare = {
    name: 'local',
    api,
    pool: outputs['data.Pool'] ?? '',
    client: outputs['data.Client'] ?? '',
    region,
    embedded: { endpoint, account, ca: certificate, people: [] },
  };
  const people = await Promise.all(cast.map(([name, role]) => enrol(bare, clientOf(facts, admin), name, role)));
  const place = { ...bare, embedded: { ...bare.embedded, people } };

  const playing = new AbortController();
  const hypervisor = rootCredentials(account);
  const agents = playAgents({
    endpoint,
    region,
    credentials: hypervisor,
    signal: playing.signal,
    say: line => appendFileSync(facts.log, `agents: ${line}\n`),
  });
  const scanner = await startScanner(facts, { say: line => appendFileSync(facts.log, `scanner: ${line}\n`) });

  const agent = agentFor(place);
  const sessions = new Map<string, Promise<string>>();
  const token = (name: string) => {
    const person = people.find(one => one.name === name);
    if (!person) throw new Error(`nobody here is called ${name}`);
    const session = sessions.get(name) ?? signInAs(place, person).then(({ access }) => access);
    sessions.set(name, session);
    return session;
  };
  const gatewayUrl = `https://127.0.0.1:${ports.gateway}`;
  const { pool, client } = bare;
  const cloud = { endpoint, ca, account, region, api, inbox: inbox.url, gateway: gatewayUrl, pool, client, people };
  writeFileSync(file, JSON.stringify(cloud, null, 2), { mode: 0o600 });
  return {
    facts,
    cloud,
    place,
    file,
    people,
    inbox,
    gateway: { url: gatewayUrl },
    as: name => apiAt(place, agent, () => token(name)),
    async close() {
      rmSync(file, { force: true });
      playing.abort();
      agent.destroy();
      await Promise.allSettled([agents, scanner.close(), inbox.close(), gateway.close()]);
    },
  };
}
