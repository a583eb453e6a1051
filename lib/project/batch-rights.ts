import { Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName, queueStackName } from '../../functions/names.ts';
import { explainWildcards } from '../nag-wildcards.ts';
import { boundaryName, PROJECT_IAM_PATH } from './names.ts';

interface Place {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
}
const allow = (actions: string[], resources: string[], conditions?: Record<string, Record<string, unknown>>) =>
  new PolicyStatement({ actions, resources, ...(conditions && { conditions }) });

/** AWS Batch names the ECS cluster of a compute environment after it. */
const clusterArn = ({ partition, region, account }: Place, type: string, environment: string, project: string) =>
  `arn:${partition}:ecs:${region}:${account}:${type}/${environmentName(environment, `${project}-*`)}`;

/**
 * What the ECS agent of a machine needs, as in Amazon's policy AmazonEC2ContainerServiceforEC2Role, but limited to the
 * clusters of the project, the images for jobs and the logs of its queues. Jobs cannot use these rights.
 */
export const hostStatements = (place: Place, environment: string, project: string): PolicyStatement[] => {
  const { partition, region, account } = place;
  return [
    allow(
      [
        'ecs:DeregisterContainerInstance',
        'ecs:RegisterContainerInstance',
        'ecs:SubmitAttachmentStateChanges',
        'ecs:SubmitContainerStateChange',
        'ecs:SubmitTaskStateChange',
      ],
      [clusterArn(place, 'cluster', environment, project)],
    ),
    allow(
      ['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'],
      [`${clusterArn(place, 'container-instance', environment, project)}/*`],
    ),
    // These have no resource-level permissions.
    allow(['ecs:DiscoverPollEndpoint', 'ecr:GetAuthorizationToken'], ['*']),
    allow(
      ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      [`arn:${partition}:ecr:${region}:${account}:repository/${environmentName(environment, 'jobs')}/*`],
    ),
  ];
};

/**
 * What the head of a pipeline may do in AWS Batch: submit tasks to the queue of its project, by definitions that Broch
 * registered, and follow and end them. It registers no definition and passes no role, so a task runs an approved image with
 * the rights of the project.
 */
export function headBatchStatements(
  { partition, region, account }: Place,
  environment: string,
  project: string,
  network?: Record<string, Record<string, string>>,
): PolicyStatement[] {
  const arn = (type: string, name: string) =>
    `arn:${partition}:batch:${region}:${account}:${type}/${environmentName(environment, `${project}-${name}`)}`;
  const job = `arn:${partition}:batch:${region}:${account}:job/*`;
  const tag = (kind: string) => ({
    ...network,
    StringEquals: { ...network?.StringEquals, [`aws:${kind}Tag/broch:project`]: project },
  });
  return [
    allow(['batch:SubmitJob'], [arn('job-queue', 'cpu'), arn('job-definition', 'task-*')], network),
    // Tasks are tagged when they are submitted, and their ids are AWS's own.
    allow(['batch:TagResource'], [job, arn('job-definition', 'task-*')], project === '*' ? network : tag('Request')),
    allow(['batch:TerminateJob'], [job], project === '*' ? network : tag('Resource')),
    // It has no resource-level permissions. Ids of other projects' jobs cannot be guessed, and no right lists them.
    allow(['batch:DescribeJobs'], ['*'], network),
  ];
}

/** What CloudFormation needs to build and delete the stack of a queue. */
const queueBuilderStatements = ({ partition, region, account }: Place, environment: string): PolicyStatement[] => {
  const batchArn = (type: string) =>
    `arn:${partition}:batch:${region}:${account}:${type}/${environmentName(environment, '*')}`;
  const environmentOnly = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
  const template = `arn:${partition}:ec2:${region}:${account}:launch-template/*`;
  return [
    allow(
      [
        ...['CreateComputeEnvironment', 'UpdateComputeEnvironment', 'DeleteComputeEnvironment', 'CreateJobQueue'],
        ...['UpdateJobQueue', 'DeleteJobQueue', 'CreateSchedulingPolicy', 'UpdateSchedulingPolicy'],
        ...['DeleteSchedulingPolicy', 'TagResource', 'UntagResource'],
      ].map(name => `batch:${name}`),
      ['compute-environment', 'job-queue', 'scheduling-policy'].map(batchArn),
    ),
    // These have no resource-level permissions.
    allow(
      [
        'batch:DescribeComputeEnvironments',
        'batch:DescribeJobQueues',
        'batch:DescribeSchedulingPolicies',
        'batch:ListTagsForResource',
        'ec2:DescribeLaunchTemplates',
        'ec2:DescribeLaunchTemplateVersions',
      ],
      ['*'],
    ),
    allow(['ec2:CreateLaunchTemplate'], [template], {
      StringEquals: { 'aws:RequestTag/broch:environment': environment },
    }),
    allow(
      ['ec2:CreateLaunchTemplateVersion', 'ec2:DeleteLaunchTemplate', 'ec2:GetLaunchTemplateData'],
      [template],
      environmentOnly,
    ),
    allow(['ec2:CreateTags'], [template], {
      StringEquals: { 'ec2:CreateAction': 'CreateLaunchTemplate', 'aws:RequestTag/broch:environment': environment },
    }),
    allow(
      [
        ...['CreateLogGroup', 'DeleteLogGroup', 'PutRetentionPolicy', 'AssociateKmsKey', 'TagResource'],
        ...['UntagResource', 'ListTagsForResource', 'GetDataProtectionPolicy'],
      ].map(name => `logs:${name}`),
      [`arn:${partition}:logs:${region}:${account}:log-group:${queueStackName(environment, '*', '*')}`],
    ),
  ];
};

/** The network of multi-node jobs: a security group and a placement group. */
const nodeNetworkStatements = ({ partition, region, account }: Place, environment: string): PolicyStatement[] => {
  const arns = (types: string[]) => types.map(type => `arn:${partition}:ec2:${region}:${account}:${type}/*`);
  const [groups, placements] = [arns(['security-group', 'security-group-rule']), arns(['placement-group'])];
  const environmentOnly = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
  const regionOnly = { StringEquals: { 'aws:RequestedRegion': region } };
  return [
    allow(['ec2:CreateSecurityGroup', 'ec2:CreatePlacementGroup'], [...groups, ...placements], regionOnly),
    allow(['ec2:CreateSecurityGroup'], arns(['vpc']), environmentOnly),
    // These have no resource-level permissions.
    allow(['ec2:DescribeSecurityGroups', 'ec2:DescribePlacementGroups'], ['*'], regionOnly),
    allow(
      [
        ...['AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress'],
        ...['RevokeSecurityGroupEgress', 'DeleteSecurityGroup', 'DeletePlacementGroup'],
      ].map(name => `ec2:${name}`),
      [...groups, ...placements],
      environmentOnly,
    ),
    // CloudFormation tags some of these after it created them: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/714
    allow(['ec2:CreateTags'], [...groups, ...placements], {
      StringEquals: { 'aws:RequestTag/broch:environment': environment },
      StringEqualsIfExists: { 'aws:ResourceTag/broch:environment': environment },
    }),
  ];
};

/** The role of the machines of a queue: made with the boundary of all project roles, and passed to EC2 alone. */
const hostRoleStatements = ({ partition, account }: Place, environment: string): PolicyStatement[] => {
  const iamArn = (type: string, name: string) =>
    `arn:${partition}:iam::${account}:${type}${PROJECT_IAM_PATH}${environmentName(environment, name)}`;
  const [host, head] = [iamArn('role', '*-host'), iamArn('role', '*-head')];
  const boundary = `arn:${partition}:iam::${account}:policy${PROJECT_IAM_PATH}${boundaryName(environment)}`;
  return [
    allow(['iam:CreateRole', 'iam:PutRolePolicy', 'iam:DeleteRolePolicy'], [host, head], {
      StringEquals: { 'iam:PermissionsBoundary': boundary },
    }),
    allow(
      [
        'DeleteRole',
        'GetRole',
        'GetRolePolicy',
        'ListAttachedRolePolicies',
        'ListRolePolicies',
        'TagRole',
        'UntagRole',
      ].map(name => `iam:${name}`),
      [host, head],
    ),
    allow(
      [
        ...['CreateInstanceProfile', 'GetInstanceProfile', 'DeleteInstanceProfile'],
        ...['AddRoleToInstanceProfile', 'RemoveRoleFromInstanceProfile'],
      ].map(name => `iam:${name}`),
      [iamArn('instance-profile', '*-host'), host],
    ),
    allow(['iam:PassRole'], [host], { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } }),
    // Of AWS's own roles for Batch and for Spot, which an account makes once.
    allow(['iam:CreateServiceLinkedRole'], [`arn:${partition}:iam::${account}:role/aws-service-role/*`], {
      StringEquals: { 'iam:AWSServiceName': ['batch.amazonaws.com', 'spot.amazonaws.com'] },
    }),
  ];
};

/** The role that CloudFormation uses for the stacks of queues. */
export class QueueBuilder extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { environment }: { environment: string }) {
    super(scope, id);
    const stack = Stack.of(this);
    this.role = new Role(this, 'Role', {
      description: "Builds and deletes the stacks of projects' queues",
      assumedBy: new ServicePrincipal('cloudformation.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
    });
    const statements = [
      ...queueBuilderStatements(stack, environment),
      ...nodeNetworkStatements(stack, environment),
      ...hostRoleStatements(stack, environment),
    ];
    for (const statement of statements) this.role.addToPolicy(statement);
    explainWildcards(
      this,
      statements,
      'Queues are made at run time: a prefix, a tag or the boundary fences what has no name yet.',
    );
    Validations.of(this.role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one use: its policy belongs to nothing else.',
    });
  }
}
