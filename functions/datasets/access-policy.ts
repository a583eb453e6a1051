import { currentGrants } from './grants.ts';
import { type DatasetGrant, datasetFolder } from './schemas.ts';

/** The access point of a project, and the role of its desktops and jobs. */
export interface ProjectReader {
  /** The ARN of the access point. */
  readonly accessPoint: string;
  readonly role: string;
  /** The role of the heads of pipelines, while the cpu queue is open. AWS refuses a policy that names a role that does not exist. */
  readonly head?: string | undefined;
}

interface AccessStatement {
  readonly Effect: 'Allow';
  readonly Principal: { readonly AWS: string | readonly string[] };
  readonly Action: string;
  readonly Resource: string | readonly string[];
  readonly Condition: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** The longest policy of an access point: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html */
export const MAX_ACCESS_POLICY = 20 * 1024;

/** The longest name of a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const MAX_ROLE_NAME = 64;

/**
 * Whether the project may read all this by the policy of its access point. The heads of pipelines count, because the project
 * may get a queue for them at any time.
 */
export function fitsAccessPolicy(reader: ProjectReader, grants: readonly DatasetGrant[], now: string): boolean {
  const path = reader.role.slice(0, reader.role.lastIndexOf('/') + 1);
  const policy = buildAccessPolicy({ ...reader, head: path.padEnd(path.length + MAX_ROLE_NAME, 'x') }, grants, now);
  return policy === undefined || policy.length <= MAX_ACCESS_POLICY;
}

/**
 * The policy of a project's access point: its roles may list and read exactly the granted versions, each until its date.
 * S3 compares the date at every request, so an expiry needs no action. Undefined if nothing is granted, as a policy
 * needs a statement: then the access point has no policy, which allows nothing.
 */
export function buildAccessPolicy(
  { accessPoint, role, head }: ProjectReader,
  grants: readonly DatasetGrant[],
  now: string,
): string | undefined {
  const byEnd = Map.groupBy(currentGrants(grants, now), ({ endsAt }) => endsAt);
  const statements = [...byEnd].flatMap(([endsAt, group]): AccessStatement[] => {
    const prefixes = [...new Set(group.map(({ prefix }) => prefix))].sort();
    const rule = { Effect: 'Allow', Principal: { AWS: head === undefined ? role : [role, head] } } as const;
    const isCurrent = { DateLessThan: { 'aws:CurrentTime': endsAt } };
    return [
      {
        ...rule,
        Action: 's3:GetObject',
        Resource: prefixes.map(prefix => `${accessPoint}/object/${prefix}*`),
        Condition: isCurrent,
      },
      {
        ...rule,
        Action: 's3:ListBucket',
        Resource: accessPoint,
        Condition: { ...isCurrent, StringLike: { 's3:prefix': prefixes.map(prefix => `${prefix}*`) } },
      },
    ];
  });
  return statements.length === 0 ? undefined : JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** The file in the project's bucket that tells desktops what to show below `/data`. */
export const DATASET_LIST_KEY = 'data/datasets/list.json';

/** What desktops read: the bucket name to read from, and the versions with where their files lie and until when. */
export const buildDatasetList = (alias: string, grants: readonly DatasetGrant[], now: string): string =>
  JSON.stringify({
    bucket: alias,
    datasets: currentGrants(grants, now).map(({ dataset, version, prefix, endsAt }) => ({
      path: `/data/${datasetFolder({ dataset, version })}`,
      dataset,
      version,
      prefix: `${prefix}data/`,
      endsAt,
    })),
  });
