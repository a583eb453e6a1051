import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { environmentName } from '../../functions/names.ts';

/** The IAM path of all roles, profiles and policies of projects, so that permissions can be limited to them. */
export const PROJECT_IAM_PATH = '/broch/';

/** The permissions boundary of all project roles. */
export const boundaryName = (environment: string): string => environmentName(environment, 'project');

/** The prefix of the ARNs of all projects' access points on the lake; the project's id and the attempt follow. */
export const accessPointPrefix = (
  environment: string,
  { partition, region, account }: { partition: string; region: string; account: string },
): string => `arn:${partition}:s3:${region}:${account}:accesspoint/${environmentName(environment, '')}`;

/** The CodeArtifact domain of an environment. */
export const packageDomain = (environment: string): string => environmentName(environment, 'packages');

/**
 * What an instance needs to install packages: a token, and the repository of one tier or, as a boundary, of any tier.
 * CodeArtifact gets the token from STS: https://docs.aws.amazon.com/codeartifact/latest/ug/auth-and-access-control-iam-identity-based-access-control.html
 */
export function packageStatements(
  environment: string,
  { partition, region, account }: { partition: string; region: string; account: string },
  tier: string,
): PolicyStatement[] {
  const arn = (resource: string) => `arn:${partition}:codeartifact:${region}:${account}:${resource}`;
  const domain = packageDomain(environment);
  return [
    new PolicyStatement({ actions: ['codeartifact:GetAuthorizationToken'], resources: [arn(`domain/${domain}`)] }),
    new PolicyStatement({
      actions: ['codeartifact:GetRepositoryEndpoint', 'codeartifact:ReadFromRepository'],
      resources: [arn(`repository/${domain}/tier-${tier}`)],
    }),
    new PolicyStatement({
      actions: ['sts:GetServiceBearerToken'],
      resources: ['*'],
      conditions: { StringEquals: { 'sts:AWSServiceName': 'codeartifact.amazonaws.com' } },
    }),
  ];
}

/** The prefix of all project buckets in an account; the project's id follows. */
export const bucketPrefix = (environment: string, account: string): string =>
  environmentName(environment, `${account}-`);

/**
 * Amazon DCV on EC2 reads its licence from a bucket of AWS, with the role of the instance:
 * https://docs.aws.amazon.com/dcv/latest/adminguide/setting-up-license.html
 */
export const dcvLicenceStatement = ({ partition, region }: { partition: string; region: string }): PolicyStatement =>
  new PolicyStatement({ actions: ['s3:GetObject'], resources: [`arn:${partition}:s3:::dcv-license.${region}/*`] });
