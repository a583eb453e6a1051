import { CfnCondition, CfnOutput, Fn, type Stack, Validations } from 'aws-cdk-lib';
import { CfnComputeEnvironment, CfnJobQueue } from 'aws-cdk-lib/aws-batch';
import {
  type CfnRole,
  ManagedPolicy,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { keyUseStatement, lakeKeyStatement } from '../key-use.ts';
import { explainWildcards } from '../nag-wildcards.ts';
import { headBatchStatements } from './batch-rights.ts';
import { boundaryName, PROJECT_IAM_PATH } from './names.ts';

export interface PipelineHeadProps {
  readonly environment: string;
  readonly project: string;
  readonly kind: string;
  /** What names begin with: the environment, the project and the kind. */
  readonly name: string;
  readonly bucket: string;
  readonly vpcId: string;
  readonly keyArn: string;
  readonly lake: string;
  readonly lakeKey: string;
  /** Machines for one or two heads each. They are small, and the list of prices has them. */
  readonly headTypes: string[];
  /** The compute resources of the queue. Heads differ in type and size. */
  readonly resources: CfnComputeEnvironment.ComputeResourcesProperty;
}

/** Four heads at once; others wait. */
const HEAD_VCPUS = 4;

/**
 * The place of the heads of pipelines, beside a cpu queue: a small On-Demand queue of their own, so that a head never waits
 * behind its own tasks, and a role that can submit tasks to the queue of its project and nothing else.
 */
export function addPipelineHead(stack: Stack, props: PipelineHeadProps): void {
  const { kind, name, resources, headTypes } = props;
  const isCpu = new CfnCondition(stack, 'IsCpu', { expression: Fn.conditionEquals(kind, 'cpu') });
  const compute = new CfnComputeEnvironment(stack, 'HeadMachines', {
    computeEnvironmentName: `${name}-head`,
    type: 'MANAGED',
    state: 'ENABLED',
    replaceComputeEnvironment: false,
    computeResources: {
      ...resources,
      type: 'EC2',
      allocationStrategy: 'BEST_FIT_PROGRESSIVE',
      instanceTypes: headTypes,
      maxvCpus: HEAD_VCPUS,
    },
    updatePolicy: { terminateJobsOnUpdate: false, jobExecutionTimeoutMinutes: 60 },
  });
  const queue = new CfnJobQueue(stack, 'HeadQueue', {
    jobQueueName: `${name}-head`,
    priority: 1,
    state: 'ENABLED',
    computeEnvironmentOrder: [{ order: 1, computeEnvironment: compute.attrComputeEnvironmentArn }],
  });
  const role = headRole(stack, props);
  for (const resource of [compute, queue, role.node.defaultChild as CfnRole]) resource.cfnOptions.condition = isCpu;
  for (const [key, value] of [
    ['HeadQueueArn', queue.attrJobQueueArn],
    ['HeadRole', role.roleArn],
  ] as const)
    new CfnOutput(stack, `${key}Output`, { value, condition: isCpu }).overrideLogicalId(key);
}

function headRole(stack: Stack, props: PipelineHeadProps): Role {
  const { environment, project, name, bucket, vpcId, keyArn, lake, lakeKey } = props;
  const { partition, account } = stack;
  // Stolen credentials of a head are worth nothing outside of the network of its project.
  const network = { StringEquals: { 'aws:SourceVpc': vpcId } };
  const objects = ['data/*', 'batch/*'];
  const bucketArn = `arn:${partition}:s3:::${bucket}`;
  const statements = [
    new PolicyStatement({
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      resources: objects.map(folder => `${bucketArn}/${folder}`),
      conditions: network,
    }),
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucketArn],
      conditions: { ...network, StringLike: { 's3:prefix': objects } },
    }),
    keyUseStatement(stack, 's3', ['kms:Decrypt', 'kms:GenerateDataKey'], [keyArn]),
    // The policy of the project's access point decides which datasets the head can read.
    lakeKeyStatement(stack, lake, lakeKey),
    ...headBatchStatements(stack, environment, project, network),
  ];
  const role = new Role(stack, 'Head', {
    roleName: `${name}-head`,
    path: PROJECT_IAM_PATH,
    permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(
      stack,
      'HeadBoundary',
      `arn:${partition}:iam::${account}:policy${PROJECT_IAM_PATH}${boundaryName(environment)}`,
    ),
    assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
    // In the role itself, so that one condition holds for both.
    inlinePolicies: { Head: new PolicyDocument({ statements }) },
  });
  explainWildcards(role, statements, 'It ends the prefix of the folders, tasks and definitions of one project.');
  Validations.of(role).acknowledge({
    id: 'NIST.800.53.R5-IAMNoInlinePolicy',
    reason: 'A role of one use: its policy belongs to nothing else.',
  });
  return role;
}
