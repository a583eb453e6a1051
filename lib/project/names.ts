import { environmentName } from '../../functions/projects/names.ts';
/** The IAM path of all roles, profiles and policies of projects, so that permissions can be limited to them. */
export const PROJECT_IAM_PATH = '/broch/';

/** The permissions boundary of all project roles. */
export const boundaryName = (environment: string): string => environmentName(environment, 'project');

/** The prefix of the ARNs of all projects' access points on the lake; the project's id and the attempt follow. */
export const accessPointPrefix = (
  environment: string,
  { partition, region, account }: { partition: string; region: string; account: string },
): string => `arn:${partition}:s3:${region}:${account}:accesspoint/${environmentName(environment, '')}`;

/** The prefix of all project buckets in an account; the project's id follows. */
export const bucketPrefix = (environment: string, account: string): string =>
  environmentName(environment, `${account}-`);
