import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActiveProfile } from '../../bin/cli/profile.ts';
import type { UserGroup } from '../../functions/http/route.ts';
import { enrolLocalPerson } from '../../local/people.ts';
import type { connectTestCloud } from '../cloud.ts';
import { registerAgreement } from '../ingest/agreement.ts';

type Facts = ReturnType<typeof connectTestCloud>;

/** A file as `npm start` writes it, on the tests' cloud, with people of the test's own. */
export async function writeEmbeddedCloudFile(facts: Facts, folder: string, roles: Record<string, UserGroup>) {
  const { endpoint, ca, account, region, api, outputs, configuration } = facts;
  const [pool = '', client = ''] = [outputs['data.Pool'], outputs['data.Client']];
  const place: ActiveProfile = {
    name: 'local',
    api,
    pool,
    client,
    region,
    embedded: { endpoint, ca: readFileSync(ca, 'utf8'), account, people: [] },
  };
  const people = [];
  for (const [name, role] of Object.entries(roles)) {
    people.push(await enrolLocalPerson(place, configuration, name, role));
    if (role === 'partner') await registerAgreement(name);
  }
  const file = join(folder, 'cloud.json');
  writeFileSync(file, JSON.stringify({ endpoint, ca, account, region, api, inbox: '', people, pool, client }), {
    mode: 0o600,
  });
  return { file, place };
}
