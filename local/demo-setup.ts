import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type AccessTokenSource, type ApiClient, agentFor, createApiClient } from '../bin/cli/call.ts';
import type { ActiveProfile } from '../bin/cli/profile.ts';
import type { UserGroup } from '../functions/http/route.ts';
import { simulateAgents } from './agent.ts';
import { type PlayedImage, playBuilder } from './builder.ts';
import type { CloudFacts, DeployedCloud } from './deployed-cloud.ts';
import { startGateway } from './gateway.ts';
import { type Inbox, openInbox } from './inbox.ts';
import { enrolLocalPerson, keepLocalSession, type LocalPerson, signInLocalPerson } from './people.ts';
import { assumeSetupRole, type ClientCredentials, clientConfigFor, rootCredentialsFor } from './roles.ts';
import { startScanner } from './scanner.ts';
import { playScheduler } from './scheduler.ts';

/** Everything around Broch that an organisation has and the embedded cloud simulates. */
export interface DemoSetup {
  readonly facts: CloudFacts;
  /** The addresses of the running services, for other programs. `file` holds the same. */
  readonly cloud: Readonly<Record<string, unknown>>;
  readonly place: ActiveProfile;
  /** The file that tells the command line where everything is. */
  readonly file: string;
  readonly people: readonly LocalPerson[];
  readonly inbox: Inbox;
  readonly gateway: { readonly url: string };
  /** What the played builder does with the next image, and what the played scheduler does with the next job. */
  readonly played: {
    image: PlayedImage;
    /** The line of output at which AWS takes back the machine of a batch job's first attempt. */
    reclaimLine?: string;
    /** Batch jobs succeed at once, without a process. */
    skipsPrograms?: boolean;
  };
  /** The API as one of the people, signed in with password and code when first used. */
  as(name: string): ApiClient;
  close(): Promise<void>;
}

const cast: readonly [name: string, role: UserGroup][] = [
  ['olga', 'operator'],
  ['petra', 'partner'],
  ['rana', 'researcher'],
  ['stella', 'steward'],
  ['victor', 'reviewer'],
  ['vera', 'reviewer'],
];

/** What an administrator does once after the first deploy: where the card goes. */
async function prepare(facts: CloudFacts, credentials: ClientCredentials, webhook: string) {
  const configuration = clientConfigFor(facts, credentials);
  const secrets = new SecretsManagerClient(configuration);
  try {
    await secrets.send(new PutSecretValueCommand({ SecretId: facts.outputs['data.Webhook'], SecretString: webhook }));
  } finally {
    secrets.destroy();
  }
}

/** Guacamole's own key, as its container gets it. */
async function gatewayKey(facts: CloudFacts, credentials: ClientCredentials): Promise<string> {
  const client = new SecretsManagerClient(clientConfigFor(facts, credentials));
  try {
    const { SecretString = '' } = await client.send(
      new GetSecretValueCommand({ SecretId: facts.outputs['data.GatewayKey'] }),
    );
    return SecretString;
  } finally {
    client.destroy();
  }
}

/** Opens the inbox and the gateway, adds the people and starts the agents, the builder and the scanner. */
export async function setUpDemo({ facts }: Pick<DeployedCloud, 'facts'>, file: string): Promise<DemoSetup> {
  const { ca, certificateKey, endpoint, account, region, api, outputs, ports } = facts;
  const [certificate, key] = [readFileSync(ca, 'utf8'), readFileSync(certificateKey, 'utf8')];
  const admin = await assumeSetupRole(facts);
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
  const people = await Promise.all(
    cast.map(([name, role]) => enrolLocalPerson(bare, clientConfigFor(facts, admin), name, role)),
  );
  const place = { ...bare, embedded: { ...bare.embedded, people } };

  const playing = new AbortController();
  const hypervisor = rootCredentialsFor(account);
  const agents = simulateAgents({
    endpoint,
    region,
    credentials: hypervisor,
    signal: playing.signal,
    log: line => appendFileSync(facts.log, `agents: ${line}\n`),
  });
  const played: DemoSetup['played'] = { image: {} };
  const builder = playBuilder(facts, {
    plays: () => played.image,
    signal: playing.signal,
    log: line => appendFileSync(facts.log, `builder: ${line}\n`),
  });
  const scheduler = playScheduler(facts, {
    signal: playing.signal,
    reclaimLine: () => played.reclaimLine,
    skipsPrograms: () => played.skipsPrograms ?? false,
    log: line => appendFileSync(facts.log, `scheduler: ${line}\n`),
  });
  const scanner = await startScanner(facts, { log: line => appendFileSync(facts.log, `scanner: ${line}\n`) });

  const agent = agentFor(place);
  const sessions = new Map<string, AccessTokenSource>();
  const token = (name: string, isRenewal: boolean) => {
    const person = people.find(candidate => candidate.name === name);
    if (!person) throw new Error(`nobody here is called ${name}`);
    const session = sessions.get(name) ?? keepLocalSession(place, () => signInLocalPerson(place, person));
    sessions.set(name, session);
    return session(isRenewal);
  };
  const gatewayUrl = `https://127.0.0.1:${ports.gateway}`;
  const { pool, client } = bare;
  const cloud = { endpoint, ca, account, region, api, inbox: inbox.url, gateway: gatewayUrl, pool, client, people };
  writeFileSync(file, JSON.stringify(cloud, null, 2), { mode: 0o600 });
  const clientFor = (name: string) => createApiClient(place, agent, isRenewal => token(name, isRenewal));
  await clientFor('olga').ask('registerPartner', {
    params: { name: 'petra' },
    body: {
      organisation: 'The Vega project',
      contact: 'petra@vega.example',
      agreement: 'DSA 2026-14',
      startsAt: '2026-01-01T00:00:00Z',
      endsAt: '2126-01-01T00:00:00Z',
      datasets: ['*'],
      acceptance: 'automatic',
    },
  });
  return {
    facts,
    cloud,
    place,
    file,
    people,
    inbox,
    gateway: { url: gatewayUrl },
    played,
    as: clientFor,
    async close() {
      rmSync(file, { force: true });
      playing.abort();
      agent.destroy();
      await Promise.allSettled([agents, builder, scheduler, scanner.close(), inbox.close(), gateway.close()]);
    },
  };
}
