import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import { agentFor, createApiClient, type RetryPolicy } from '../../bin/cli/call.ts';
import type { SessionTokens } from '../../bin/cli/signin.ts';
import type { UserGroup } from '../../functions/http/route.ts';
import { rootEnvironmentFor } from '../../local/deploy.ts';
import type { CloudFacts } from '../../local/deployed-cloud.ts';
import { enrolLocalPerson, keepLocalSession, signInLocalPerson } from '../../local/people.ts';

const cast = { vera: 'reviewer', viktor: 'reviewer', walt: 'reviewer', olga: 'operator' } as const satisfies Record<
  string,
  UserGroup
>;
export type CastName = keyof typeof cast;
/** Someone with a name, an id and the tokens of a session; plain data. */
export interface SignedInPerson {
  readonly id: string;
  readonly name: string;
  readonly tokens: SessionTokens;
}

const profileFor = ({ api, outputs, region, endpoint, ca, account }: CloudFacts) => ({
  name: 'test',
  api,
  pool: outputs['data.Pool'] ?? '',
  client: outputs['data.Client'] ?? '',
  region,
  embedded: { endpoint, ca: readFileSync(ca, 'utf8'), account, people: [] },
});

/**
 * Signs in the reviewers and the operator whom all airlock tests share: a sign-in costs seconds of processor time, and
 * each further reviewer makes every review look up one more person.
 */
export async function signInCast(facts: CloudFacts): Promise<Record<CastName, SignedInPerson>> {
  const profile = profileFor(facts);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = rootEnvironmentFor(facts.account);
  const admin = { endpoint: facts.endpoint, region: facts.region, credentials: { accessKeyId, secretAccessKey } };
  const people = await Promise.all(
    Object.entries(cast).map(async ([name, group]) => {
      const person = await enrolLocalPerson(profile, admin, `cast-${name}`, group);
      const tokens = await signInLocalPerson(profile, person);
      const { id } = await createApiClient(profile, agentFor(profile), async () => tokens.access).ask('showMe');
      return [name, { id, name: person.name, tokens }] as const;
    }),
  );
  return Object.fromEntries(people) as Record<CastName, SignedInPerson>;
}

/** The API as one of the shared people. */
export function castMember(name: CastName, retries?: RetryPolicy) {
  const profile = profileFor(inject('estate'));
  const { tokens, ...person } = inject('cast')[name];
  const session = keepLocalSession(profile, async () => tokens);
  return { ...createApiClient(profile, agentFor(profile), session, retries), ...person };
}
