import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../../bin/cli/profile.ts';
import type { Group } from '../../functions/http/route.ts';
import { enrol } from '../../local/people.ts';
import type { cloud } from '../cloud.ts';

type Facts = ReturnType<typeof cloud>;

/** A file as `npm start` writes it, on the tests' cloud, with people of the test's own. */
export async function embeddedCloud(facts: Facts, at: string, who: Record<string, Group>) {
  const { endpoint, ca, account, region, api, outputs, configuration } = facts;
  const [pool = '', client = ''] = [outputs['data.Pool'], outputs['data.Client']];
  const place: Place = {
    name: 'local',
    api,
    pool,
    client,
    region,
    embedded: { endpoint, ca: readFileSync(ca, 'utf8'), account, people: [] },
  };
  const people = [];
  for (const [name, role] of Object.entries(who)) people.push(await enrol(place, configuration, name, role));
  const file = join(at, 'cloud.json');
  writeFileSync(file, JSON.stringify({ endpoint, ca, account, region, api, inbox: '', people, pool, client }), {
    mode: 0o600,
  });
  return { file, place };
}
