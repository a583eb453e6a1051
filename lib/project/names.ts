import { environmentName } from '../../functions/projects/names.ts';

/** Where all roles, profiles and policies of projects are, so that rights can be fenced to them. */
export const PROJECT_IAM_PATH = '/broch/';

/** No role of a project may do more than this policy, whatever its own say. */
export const boundaryName = (environment: string): string => environmentName(environment, 'project');

/** All buckets of projects in an account start so; what follows is the project's id. */
export const bucketPrefix = (environment: string, account: string): string =>
  environmentName(environment, `${account}-`);
