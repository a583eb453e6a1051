import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Aws,
  CfnCondition,
  CfnOutput,
  CfnParameter,
  Fn,
  RemovalPolicy,
  Stack,
  type StackProps,
  Validations,
} from 'aws-cdk-lib';
import { CfnComputeEnvironment, CfnJobQueue, CfnSchedulingPolicy } from 'aws-cdk-lib/aws-batch';
import { CfnLaunchTemplate } from 'aws-cdk-lib/aws-ec2';
import { InstanceProfile, ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnLogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { environmentName, queueStackName } from '../../functions/names.ts';
import { explainWildcards } from '../nag-wildcards.ts';
import { hostStatements } from './batch-rights.ts';
import { boundaryName, PROJECT_IAM_PATH } from './names.ts';
import { addNodeNetwork, type NodeNetwork } from './nodes.ts';
import { addPipelineHead } from './pipeline-head.ts';

export interface QueueTemplateProps extends StackProps {
  readonly environment: string;
  readonly retention: RetentionDays;
}

/** What a machine does when it starts: the program of jobs, a folder for their work, and no rights of the machine for them. */
const userData = (): string => {
  const program = readFileSync(join(import.meta.dirname, 'job.sh')).toString('base64');
  // Jobs share the network of their machine. They never run as root, so only root may ask for the machine's credentials.
  // Nodes have a network of their own, in which the agent of ECS blocks the address.
  return `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="broch"

--broch
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/sh
set -eu
iptables --insert OUTPUT --destination 169.254.169.254 --match owner ! --uid-owner 0 --jump REJECT
echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config
install --directory --mode=0755 /opt/broch
install --directory --mode=1777 /var/lib/broch/work
base64 --decode > /opt/broch/job.sh <<'PROGRAM'
${program}
PROGRAM
chmod 0755 /opt/broch/job.sh

--broch--
`;
};

/**
 * The CloudFormation stack of one queue of a project: machines on Spot first and On-Demand when Spot cannot scale, in the
 * project's network and security group. It costs nothing while no job waits: both compute environments hold no vCPU.
 */
export class QueueTemplate extends Stack {
  constructor(scope: Construct, id: string, { environment, retention, ...props }: QueueTemplateProps) {
    super(scope, id, props);
    const text = (name: string, description: string, allowedPattern: string) =>
      new CfnParameter(this, name, { description, allowedPattern }).valueAsString;
    const project = text('Project', "The project's id", '[a-z][a-z0-9-]{2,19}');
    const kind = text('Kind', 'The kind of the queue', '(cpu|gpu)(-nodes)?');
    // Always named: without it, AWS once chose Amazon Linux 2, of which it no longer creates environments.
    const imageType = text('ImageType', "Amazon's image of the machines", 'ECS_AL2023|ECS_AL2023_NVIDIA');
    const list = (name: string, description: string) => Fn.split(',', text(name, description, '[A-Za-z0-9.,-]+'));
    const imageId = text('ImageId', 'The published image of the machines, or none', 'ami-[0-9a-f]{8,17}|none');
    const hasImage = new CfnCondition(this, 'HasImage', {
      expression: Fn.conditionNot(Fn.conditionEquals(imageId, 'none')),
    });
    const machineTypes = list('MachineTypes', 'The machine types that the region offers');
    const headTypes = list('HeadTypes', 'The machine types of the heads of pipelines');
    const subnets = list('SubnetIds', 'The isolated subnets of the project; one of them for multi-node jobs');
    const group = text('SecurityGroupId', 'The security group of workspaces and jobs', 'sg-[0-9a-f]+');
    const vpcId = text('VpcId', "The project's network", 'vpc-[0-9a-f]+');
    const bucket = text('Bucket', "The project's bucket", '[a-z0-9-]{3,63}');
    const keyArn = text('KeyArn', "The ARN of the project's key", 'arn:[a-z-]+:kms:.+');
    const lake = text('Lake', 'The bucket that holds datasets', '[a-z0-9.-]{3,63}');
    const lakeKey = text('LakeKey', 'The ARN of its key', 'arn:[a-z-]+:kms:.+');
    const maxVcpus = new CfnParameter(this, 'MaxVcpus', {
      type: 'Number',
      description: 'The most vCPUs at once, on Spot and On-Demand each',
      minValue: 1,
      maxValue: 10_000,
    }).valueAsNumber;
    const name = environmentName(environment, `${project}-${kind}`);

    const logs = new CfnLogGroup(this, 'Logs', {
      logGroupName: queueStackName(environment, project, kind),
      retentionInDays: retention,
      kmsKeyId: keyArn,
    });
    // The next queue of this kind has a group of the same name.
    logs.applyRemovalPolicy(RemovalPolicy.DESTROY);
    const profile = this.hostProfile(name, environment, project);
    const template = this.launchTemplate();
    const resources = (type: 'SPOT' | 'EC2', allocationStrategy: string) => ({
      type,
      allocationStrategy,
      minvCpus: 0,
      maxvCpus: maxVcpus,
      instanceTypes: machineTypes,
      instanceRole: profile.attrArn,
      subnets,
      securityGroupIds: [group],
      ec2Configuration: [
        { imageType, imageIdOverride: Fn.conditionIf(hasImage.logicalId, imageId, Aws.NO_VALUE).toString() },
      ],
      launchTemplate: { launchTemplateId: template.ref, version: '$Default' },
      // Of Amazon's image. AWS Batch ignores it where an image is named.
      updateToLatestImageVersion: true,
      tags: { Name: name, 'broch:environment': environment, 'broch:project': project },
    });
    const computeEnvironmentOrder = this.addMachines(
      name,
      {
        spot: resources('SPOT', 'SPOT_PRICE_CAPACITY_OPTIMIZED'),
        onDemand: resources('EC2', 'BEST_FIT_PROGRESSIVE'),
      },
      addNodeNetwork(this, { kind, vpcId }),
    );
    const shares = new CfnSchedulingPolicy(this, 'Shares', {
      name,
      // Every person has the same share. What somebody used counts less and less within an hour.
      fairsharePolicy: { computeReservation: 0, shareDecaySeconds: 3600, shareDistribution: [] },
    });
    const queue = new CfnJobQueue(this, 'Queue', {
      jobQueueName: name,
      priority: 1,
      state: 'ENABLED',
      schedulingPolicyArn: shares.attrArn,
      computeEnvironmentOrder,
      jobStateTimeLimitActions: stuckReasons.map(([reason, seconds]) => ({
        reason,
        state: 'RUNNABLE',
        maxTimeSeconds: seconds,
        action: 'CANCEL',
      })),
    });
    addPipelineHead(this, {
      ...{ environment, project, kind, name, bucket, vpcId, keyArn, lake, lakeKey, headTypes },
      resources: resources('EC2', 'BEST_FIT_PROGRESSIVE'),
    });
    const outputs = { QueueArn: queue.attrJobQueueArn, LogGroup: logs.ref };
    for (const [key, value] of Object.entries(outputs))
      new CfnOutput(this, `${key}Output`, { value }).overrideLogicalId(key);
  }

  /** The machines of the queue: on Spot first and On-Demand second, or On-Demand in one place for multi-node jobs. */
  private addMachines(
    name: string,
    { spot, onDemand }: Record<'spot' | 'onDemand', CfnComputeEnvironment.ComputeResourcesProperty>,
    { isNodes, isSingle, group, placementGroup }: NodeNetwork,
  ) {
    const nodes = { ...onDemand, placementGroup, securityGroupIds: [...(onDemand.securityGroupIds ?? []), group] };
    const add = (
      id: string,
      suffix: string,
      condition: CfnCondition,
      computeResources: CfnComputeEnvironment.ComputeResourcesProperty,
    ) => {
      const compute = new CfnComputeEnvironment(this, id, {
        computeEnvironmentName: `${name}-${suffix}`,
        type: 'MANAGED',
        state: 'ENABLED',
        // Otherwise every change would replace it, under a name that is taken.
        replaceComputeEnvironment: false,
        computeResources,
        updatePolicy: { terminateJobsOnUpdate: false, jobExecutionTimeoutMinutes: 60 },
      });
      compute.cfnOptions.condition = condition;
      return compute.attrComputeEnvironmentArn;
    };
    const singleMachines = [add('Spot', 'spot', isSingle, spot), add('OnDemand', 'ondemand', isSingle, onDemand)];
    const nodeMachines = [add('NodeMachines', 'together', isNodes, nodes)];
    const orderOf = (arns: readonly string[]) =>
      arns.map((ComputeEnvironment, index) => ({ Order: index + 1, ComputeEnvironment }));
    return Fn.conditionIf(isNodes.logicalId, orderOf(nodeMachines), orderOf(singleMachines));
  }

  /** The role of the machines: only what the ECS agent needs. Jobs have the role of the project instead. */
  private hostProfile(name: string, environment: string, project: string) {
    const role = new Role(this, 'Host', {
      roleName: `${name}-host`,
      path: PROJECT_IAM_PATH,
      permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(
        this,
        'Boundary',
        `arn:${this.partition}:iam::${this.account}:policy${PROJECT_IAM_PATH}${boundaryName(environment)}`,
      ),
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    });
    const logGroup = `arn:${this.partition}:logs:${this.region}:${this.account}:log-group:${queueStackName(environment, project, '*')}`;
    const statements = [
      ...hostStatements(this, environment, project),
      new PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [`${logGroup}:*`] }),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    explainWildcards(
      role,
      statements,
      'AWS Batch ends the names of its clusters itself; the agent’s token has no resource.',
    );
    Validations.of(this).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one use: its policy belongs to nothing else.',
    });
    const profile = new InstanceProfile(this, 'Profile', {
      instanceProfileName: `${name}-host`,
      path: PROJECT_IAM_PATH,
      role,
    });
    return { attrArn: profile.instanceProfileArn };
  }

  private launchTemplate(): CfnLaunchTemplate {
    return new CfnLaunchTemplate(this, 'Machines', {
      launchTemplateData: {
        metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
        blockDeviceMappings: [
          {
            deviceName: '/dev/xvda',
            ebs: { volumeType: 'gp3', volumeSize: 100, encrypted: true, deleteOnTermination: true },
          },
        ],
        userData: Fn.base64(userData()),
      },
    });
  }
}

/** Why a job at the head of the queue is cancelled instead of holding up all behind it, and after how many seconds. */
const stuckReasons = [
  ['CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY', 4 * 3600],
  ['MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE', 600],
  ['MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT', 600],
] as const;
