import type { Stack } from 'aws-cdk-lib';
import { AnyPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';

/** Denies credentials and resources of other accounts inside a project's network. */
const ownAccount = ({ account }: Stack) => ({
  StringEquals: { 'aws:ResourceAccount': account, 'aws:PrincipalAccount': account },
});

/** AWS accepts no policy for these, and machines of AWS Batch need them. */
const withoutPolicy: ReadonlySet<string> = new Set(['ecs-agent', 'ecs-telemetry']);

/**
 * The policy of an interface endpoint: identities of this account only. Without it, somebody could bring the keys of
 * another account into a project, and send data to that account as log lines or as a container image.
 */
export const interfaceEndpointPolicy = ({ account }: Stack, service: string): PolicyDocument | undefined =>
  withoutPolicy.has(service)
    ? undefined
    : new PolicyDocument({
        statements: [
          new PolicyStatement({
            sid: 'OwnAccount',
            principals: [new AnyPrincipal()],
            actions: ['*'],
            resources: ['*'],
            conditions: { StringEquals: { 'aws:PrincipalAccount': account } },
          }),
        ],
      });

/** AWS buckets that operating systems and agents need, read-only. */
const systems = (region: string): string[] => [
  `al2023-repos-${region}-de612dc2`,
  `amazoncloudwatch-agent-${region}`,
  `amazon-ssm-${region}`,
  `aws-ssm-${region}`,
  `dcv-license.${region}`,
];

/**
 * The account that keeps CodeArtifact's npm and Maven packages in a region; pip needs no bucket:
 * https://docs.aws.amazon.com/codeartifact/latest/ug/create-s3-gateway-endpoint.html
 */
const packageAccounts: Readonly<Record<string, string>> = {
  'us-east-1': '193858265520',
  'us-east-2': '250872398865',
  'us-west-2': '787052242323',
  'eu-west-1': '438097961670',
  'eu-west-2': '247805302724',
  'eu-west-3': '762466490029',
  'eu-north-1': '611884512288',
  'eu-south-1': '484130244270',
  'eu-central-1': '769407342218',
  'ap-northeast-1': '660291247815',
};

/** Reading packages by the links that CodeArtifact signs with its own accounts, and with no other account's credentials. */
const packageAssets = ({ partition, account }: Stack): PolicyStatement =>
  new PolicyStatement({
    sid: 'PackagesReadOnly',
    principals: [new AnyPrincipal()],
    actions: ['s3:GetObject'],
    resources: Object.entries(packageAccounts).map(
      ([region, owner]) => `arn:${partition}:s3:::assets-${owner}-${region}/*`,
    ),
    conditions: { StringEqualsIfExists: { 'aws:PrincipalAccount': [account, ...Object.values(packageAccounts)] } },
  });

/**
 * The policy of the S3 endpoint: the project's own bucket, reading datasets, and reading AWS buckets. For a request by an
 * access point it must allow both the access point and its bucket:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-vpc.html
 */
export const s3EndpointPolicy = (
  stack: Stack,
  bucket: string,
  { lake, accessPoint }: { lake: string; accessPoint: string },
): PolicyDocument =>
  new PolicyDocument({
    statements: [
      new PolicyStatement({
        sid: 'OwnBucket',
        principals: [new AnyPrincipal()],
        actions: [
          's3:GetObject*',
          's3:PutObject',
          's3:DeleteObject',
          's3:AbortMultipartUpload',
          's3:ListMultipartUploadParts',
          's3:ListBucket',
          's3:GetBucketLocation',
        ],
        resources: [`arn:${stack.partition}:s3:::${bucket}`, `arn:${stack.partition}:s3:::${bucket}/*`],
        conditions: ownAccount(stack),
      }),
      new PolicyStatement({
        sid: 'DatasetsReadOnly',
        principals: [new AnyPrincipal()],
        actions: ['s3:GetObject', 's3:ListBucket'],
        resources: [
          accessPoint,
          `${accessPoint}/object/datasets/*`,
          `arn:${stack.partition}:s3:::${lake}`,
          `arn:${stack.partition}:s3:::${lake}/datasets/*`,
        ],
        conditions: ownAccount(stack),
      }),
      new PolicyStatement({
        sid: 'SystemsReadOnly',
        principals: [new AnyPrincipal()],
        actions: ['s3:GetObject'],
        resources: systems(stack.region).map(name => `arn:${stack.partition}:s3:::${name}/*`),
        // Package managers send unsigned requests. With another account's credentials, AWS would log each requested key
        // in that account's CloudTrail. That would let data out, even if the object does not exist.
        conditions: { StringEqualsIfExists: { 'aws:PrincipalAccount': stack.account } },
      }),
      packageAssets(stack),
    ],
  });
