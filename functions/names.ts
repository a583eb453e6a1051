/** Everything of an environment is named so, so that rights can be limited to it. A project's own things have its id last. */
export const environmentName = (environment: string, name: string): string => `broch-${environment}-${name}`;

/** One network stack for each project. */
export const projectStackName = (environment: string, project: string): string =>
  environmentName(environment, `project-${project}-network`);

/** One stack for each queue of batch jobs of a project. */
export const queueStackName = (environment: string, project: string, kind: string): string =>
  environmentName(environment, `project-${project}-batch-${kind}`);

/** The tag of an approved image. Without it, nobody can start a desktop from the image; only Broch may set it. */
export const APPROVED_TAG = 'broch:approved';
