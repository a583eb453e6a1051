import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { readVersionOf } from '../ingest/landing.ts';
import { parallel } from '../ingest/parallel.ts';
import { s3 } from '../ingest/s3.ts';
import { Differencing } from './checks/sdc/differencing.ts';

const prefixOf = (project: string): string => `remembered/${project}/`;

/** Where the tables of a release are remembered. Revoking it forgets nothing: what was seen can't be unseen. */
export const rememberedKey = (project: string, request: string): string => `${prefixOf(project)}${request}.json`;

/** All tables that ever left the project, as new ones are compared with them. */
export async function remembered(bucket: string, project: string): Promise<Differencing> {
  const keys: string[] = [];
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefixOf(project), ContinuationToken: token }),
    );
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
    token = page.NextContinuationToken;
  }
  const all = await parallel(keys, 8, async key =>
    Differencing.parse(JSON.parse(Buffer.from(await readVersionOf({ bucket, key })).toString('utf8'))),
  );
  return all.flat();
}
