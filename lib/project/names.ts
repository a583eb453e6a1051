import { environmentName } from '../../functions/projects/names.ts';
/** The IAM path of all roles, profiles and policies of projects, so that permissions can be limited to them. */
export const PROJECT_IAM_PATH = '/broch/';

/** The permissions boundary of all project roles. */
export const boundaryName = (environment: string): string => environmentName(environment, 'project');

/** The prefix of all project buckets in an account; the project's id follows. */
export const bucketPrefix = (environment: string, account: string): string =>
  environmentName(environment, `${account}-`);
