import { currentGrants } from './datasets.ts';
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

/**
 * The policy of a project's access point: its roles may list and read exactly the granted versions, each until its date.
 * S3 compares the date at every request, so an expiry needs no action. Undefined if nothing is granted, as a policy
 * needs a statement: then the access point has no policy, which allows nothing.
 */
export function buildAccessPolicy(
  reader: ProjectReader,
  grants: readonly DatasetGrant[],
  now: string,
): string | undefined {
  const policy = writePolicy(reader, grants, now);
  if (reader.head === undefined || policy === undefined || policy.length <= MAX_POLICY) return policy;
  // If the policy is too long, only the heads of pipelines lose access. This takes twenty uses with long names, each with
  // an end of its own.
  return writePolicy({ ...reader, head: undefined }, grants, now);
}

/** The longest policy that AWS accepts: 20 KB. */
const MAX_POLICY = 20 * 1024;

function writePolicy(
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
