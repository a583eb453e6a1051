import { join } from 'node:path';
import { App, DefaultStackSynthesizer, Duration, Stack } from 'aws-cdk-lib';
import { CfnPullThroughCacheRule } from 'aws-cdk-lib/aws-ecr';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/batch/api.lambda.ts';
import type * as Dispatch from '../functions/batch/dispatch.lambda.ts';
import { BatchJobChanged, JobEnded, JobStopped, JobSubmitted } from '../functions/batch/events.ts';
import type * as Finish from '../functions/batch/finish.lambda.ts';
import type * as QueueStack from '../functions/batch/queue-stack.lambda.ts';
import { vcpuQuotas } from '../functions/batch/quotas.ts';
import type * as Report from '../functions/batch/report.lambda.ts';
import { environmentName, queueStackName } from '../functions/names.ts';
import { accessTo, groupsAccess, startAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import { AwakeProjects, describesNetworks } from './awake.ts';
import type { Config } from './config.ts';
import { type Core, logRetention } from './core.ts';
import { DatasetCopies } from './dataset-copies.ts';
import { EndpointRenewal } from './endpoint-renewal.ts';
import { cdkFeatureFlags } from './flags.ts';
import { Handler } from './handler.ts';
import { QueueTemplate } from './project/batch.ts';
import { QueueBuilder } from './project/batch-rights.ts';
import { bucketPrefix, PROJECT_IAM_PATH } from './project/names.ts';
import { pipelineFileStatements, runStatements } from './project-bucket-grants.ts';
import { createTempDir } from './temp-dir.ts';
import { Workflow } from './workflow.ts';

/** The template of queues, in its own CDK app because the workflow deploys it, not the CDK. */
export function buildQueueTemplate(config: Config): { app: App; template: QueueTemplate } {
  const app = new App({
    context: cdkFeatureFlags,
    outdir: createTempDir('template'),
    autoSynth: false,
    analyticsReporting: false,
  });
  const template = new QueueTemplate(app, 'queue', {
    environment: config.environment,
    retention: logRetention(config.retainDays),
    description: 'Broch: a queue of batch jobs of one project',
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });
  return { app, template };
}

/** Public registries that need no account. Approved images are fetched from them once and kept, by digest. */
const registries = { quay: 'quay.io', public: 'public.ecr.aws' };

export interface BatchProps {
  readonly core: Core;
  readonly people: People;
  readonly api: Api;
  /** The bucket that holds datasets. */
  readonly lake: IBucket;
}

/** Batch jobs of projects: queues that a workflow opens and closes, a budget, and jobs that AWS Batch runs. */
export class Batch extends Construct {
  constructor(scope: Construct, id: string, props: BatchProps) {
    super(scope, id);
    const { core } = props;
    const { environment } = core.config;
    for (const [name, upstreamRegistryUrl] of Object.entries(registries))
      new CfnPullThroughCacheRule(this, `Registry-${name}`, {
        ecrRepositoryPrefix: `${environmentName(environment, 'jobs')}/${name}`,
        upstreamRegistryUrl,
      });
    const workflow = this.queueWorkflow(props);
    this.followJobs(core);
    this.addApi(props, workflow);
  }

  /** Opens and closes queues, each with a stack of its own. */
  private queueWorkflow({ core, lake }: BatchProps): Workflow {
    const { environment, batch } = core.config;
    const { partition, region, account } = Stack.of(this);
    const { app, template } = buildQueueTemplate(core.config);
    const asset = new Asset(this, 'Queue', { path: join(app.synth().directory, template.templateFile) });
    const { role } = new QueueBuilder(this, 'Builder', { environment });
    const stacks = `arn:${partition}:cloudformation:${region}:${account}:stack/${queueStackName(environment, '*', '*')}/*`;
    const onStacks = (actions: string[], conditions?: Record<string, Record<string, string>>) =>
      new PolicyStatement({
        actions: actions.map(action => `cloudformation:${action}`),
        resources: [stacks],
        ...(conditions && { conditions }),
      });
    const queueStack = new Handler<typeof QueueStack>(this, 'QueueStack', {
      core,
      entry: 'batch/queue-stack.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          queue: ['GetItem', 'PutItem'],
          job: ['GetItem', 'PutItem'],
          project: ['GetItem'],
          image: ['GetItem'],
          airlocks: ['GetItem'],
        }),
        ENVIRONMENT: accessTo(
          environment,
          onStacks(['DescribeStacks', 'DescribeStackEvents', 'DeleteStack']),
          // They have no resource-level permissions.
          new PolicyStatement({
            actions: ['ec2:DescribeInstanceTypeOfferings', 'ec2:DescribeSubnets'],
            resources: ['*'],
          }),
          new PolicyStatement({
            actions: ['servicequotas:GetServiceQuota'],
            resources: Object.values(vcpuQuotas)
              .flat()
              .map(({ code }) => `arn:${partition}:servicequotas:${region}:${account}:ec2/${code}`),
          }),
        ),
        TEMPLATE_URL: accessTo(
          asset.httpUrl,
          // Only this template and only with that role, so the function cannot create anything else.
          onStacks(['CreateStack'], {
            StringEquals: { 'cloudformation:TemplateUrl': asset.httpUrl, 'cloudformation:RoleArn': role.roleArn },
          }),
          onStacks(['TagResource'], { StringEquals: { 'cloudformation:CreateAction': 'CreateStack' } }),
          // CloudFormation reads the template with the permissions of the caller.
          new PolicyStatement({
            actions: ['s3:GetObject'],
            resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
          }),
        ),
        SERVICE_ROLE: accessTo(
          role.roleArn,
          new PolicyStatement({
            actions: ['iam:PassRole'],
            resources: [role.roleArn],
            conditions: { StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } },
          }),
        ),
        MAX_VCPUS: String(batch.maxVcpus),
        FAMILIES: JSON.stringify(batch.families),
        TIER: String(core.config.airlock.tier),
        LAKE: lake.bucketName,
        LAKE_KEY: core.key.keyArn,
      },
    });
    return new Workflow(this, 'Workflow', {
      core,
      file: 'batch.asl.json',
      calls: { QueueStack: queueStack },
      deadline: Duration.hours(1),
      severity: 'warning',
    });
  }

  /** Gives jobs to AWS, follows what it reports, and describes what they left. */
  private followJobs(core: Core): void {
    const { environment } = core.config;
    const stack = Stack.of(this);
    const queues = batchArn(stack, 'job-queue', environmentName(environment, ''));
    const prefix = bucketPrefix(environment, stack.account);
    const awake = new AwakeProjects(this, 'Awake', core.config);
    const dispatch = new Handler<typeof Dispatch>(this, 'Dispatch', {
      core,
      entry: 'batch/dispatch.lambda.ts',
      // It may wait for a project that falls asleep.
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          job: ['GetItem', 'PutItem', 'UpdateItem'],
          queue: ['GetItem'],
          project: ['GetItem'],
          awake: ['GetItem', 'PutItem'],
        }),
        ...awake.wakes(),
        ENVIRONMENT: accessTo(environment, describesNetworks(), ...dispatchStatements(stack, environment)),
        BUCKETS: accessTo(prefix, ...pipelineFileStatements(prefix, stack)),
        REGISTRY: registryAddress(stack),
        REGION: stack.region,
      },
    });
    core.onEvent(this, 'Submitted', JobSubmitted, dispatch, 'warning');
    core.onEvent(this, 'Stopped', JobStopped, dispatch, 'warning');
    const report = new Handler<typeof Report>(this, 'Report', {
      core,
      entry: 'batch/report.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { job: ['GetItem', 'PutItem', 'UpdateItem'] }),
        QUEUES: accessTo(queues, new PolicyStatement({ actions: ['batch:ListJobs'], resources: ['*'] })),
      },
    });
    core.onEvent(this, 'Reported', BatchJobChanged, report, 'warning', {
      // Not the tasks of array jobs: their job tells when all have ended.
      detail: { jobName: [{ prefix: 'job-' }], arrayProperties: { index: [{ exists: false }] } },
    });
    const finish = new Handler<typeof Finish>(this, 'Finish', {
      core,
      entry: 'batch/finish.lambda.ts',
      // It reads all that a job left.
      seconds: 900,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          job: ['GetItem', 'PutItem'],
          queue: ['GetItem'],
          project: ['GetItem'],
          awake: ['GetItem', 'PutItem'],
        }),
        ...awake.wakes(),
        ENVIRONMENT: accessTo(environment, describesNetworks(), ...endTaskStatements(stack)),
        BUCKETS: accessTo(prefix, ...runStatements(prefix, stack)),
      },
    });
    core.onEvent(this, 'Ended', JobEnded, finish, 'warning');
    new EndpointRenewal(this, 'Endpoints', { core, awake });
    new DatasetCopies(this, 'DatasetCopies', { core });
  }

  private addApi({ core, people, api }: BatchProps, workflow: Workflow): void {
    const { environment } = core.config;
    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'batch/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          queue: ['GetItem', 'PutItem', 'Query'],
          job: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
          container: ['GetItem', 'PutItem', 'Query'],
          use: ['GetItem'],
          project: ['GetItem'],
          airlocks: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE: startAccess(workflow.machine),
        POOL_ID: groupsAccess(people.pool),
        ENVIRONMENT: environment,
        NODES: JSON.stringify(core.config.batch.nodes),
        TIER: String(core.config.airlock.tier),
        REGISTRY: accessTo(
          registryAddress(Stack.of(this)),
          new PolicyStatement({
            actions: ['ecr:DescribeImages'],
            resources: [repositoriesArn(Stack.of(this), environment)],
          }),
        ),
        REGION: accessTo(
          Stack.of(this).region,
          new PolicyStatement({
            actions: ['batch:GetJobQueueSnapshot'],
            resources: [batchArn(Stack.of(this), 'job-queue', environmentName(environment, '*'))],
          }),
        ),
      },
    });
    api.addRoutes(this, 'batch', handler);
  }
}

const registryAddress = ({ account, region, urlSuffix }: Stack) => `${account}.dkr.ecr.${region}.${urlSuffix}`;

/** The repositories of images for jobs. */
const repositoriesArn = ({ partition, region, account }: Stack, environment: string) =>
  `arn:${partition}:ecr:${region}:${account}:repository/${environmentName(environment, 'jobs')}/*`;

const batchArn = ({ partition, region, account }: Stack, type: string, name: string) =>
  `arn:${partition}:batch:${region}:${account}:${type}/${name}`;

/** May end the tasks that the head of a pipeline left behind. Their ids are AWS's own, so no name fences them. */
const endTaskStatements = (stack: Stack): PolicyStatement[] => [
  new PolicyStatement({ actions: ['batch:ListJobs', 'batch:DescribeJobs'], resources: ['*'] }),
  new PolicyStatement({ actions: ['batch:TerminateJob'], resources: [batchArn(stack, 'job', '*')] }),
];

/** May submit jobs to queues of this environment, with its own definitions: no root, no privilege, a project's role. */
function dispatchStatements(stack: Stack, environment: string): PolicyStatement[] {
  const { partition, account } = stack;
  const name = environmentName(environment, '*');
  const definitions = [batchArn(stack, 'job-definition', name)];
  return [
    new PolicyStatement({
      actions: ['batch:SubmitJob'],
      resources: [batchArn(stack, 'job-queue', name), ...definitions],
    }),
    new PolicyStatement({
      actions: ['batch:RegisterJobDefinition'],
      resources: definitions,
      conditions: { Bool: { 'batch:Privileged': 'false' }, StringEquals: { 'batch:User': '1000:1000' } },
    }),
    new PolicyStatement({ actions: ['batch:TagResource'], resources: [...definitions, batchArn(stack, 'job', '*')] }),
    new PolicyStatement({
      actions: ['batch:TerminateJob'],
      // Their ids are AWS's own, so no name fences them. The function ends only jobs that it has on record.
      resources: [batchArn(stack, 'job', '*')],
    }),
    // These have no resource-level permissions.
    new PolicyStatement({ actions: ['batch:DescribeJobDefinitions', 'batch:ListJobs'], resources: ['*'] }),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [`arn:${partition}:iam::${account}:role${PROJECT_IAM_PATH}${name}`],
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    }),
  ];
}
