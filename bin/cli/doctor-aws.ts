import {
  CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { CostExplorerClient, ListCostAllocationTagsCommand } from '@aws-sdk/client-cost-explorer';
import {
  DescribeImagesCommand,
  EC2Client,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcs,
} from '@aws-sdk/client-ec2';
import { GetMalwareProtectionPlanCommand, GuardDutyClient } from '@aws-sdk/client-guardduty';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { paginateListServiceQuotas, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { paginateListSubscriptionsByTopic, SNSClient } from '@aws-sdk/client-sns';
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { imageParameter } from '../../functions/images/schemas.ts';
import { environmentName } from '../../functions/names.ts';
import { workspaceProviders } from '../../functions/workspaces/kinds.ts';
import {
  type DoctorFinding,
  judgeConcurrency,
  judgeCostTag,
  judgeImage,
  judgeProtection,
  judgeQuota,
  judgeRules,
  judgeScanPlan,
  judgeSubscriptions,
  judgeVcpus,
  unreadable,
} from './doctor-findings.ts';

export interface DoctorOptions {
  readonly environment: string;
  readonly region: string | undefined;
  readonly costTag: string;
}

type DoctorCheck = readonly [check: string, read: () => Promise<DoctorFinding>];

/** The quotas by their names, as the Service Quotas console lists them. */
const quotaNames = {
  vpcs: 'VPCs per Region',
  endpoints: 'Gateway VPC endpoints per Region',
  rules: 'Inbound or outbound rules per security group',
  vcpus: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances',
} as const;

function listQuotaChecks(settings: { region?: string }): DoctorCheck[] {
  const [quotas, ec2, lambda] = [
    new ServiceQuotasClient(settings),
    new EC2Client(settings),
    new LambdaClient(settings),
  ];
  const readQuota = async (service: string, name: string): Promise<number> => {
    for await (const { Quotas = [] } of paginateListServiceQuotas({ client: quotas }, { ServiceCode: service })) {
      const value = Quotas.find(({ QuotaName }) => QuotaName === name)?.Value;
      if (value !== undefined) return value;
    }
    throw new Error(`Service Quotas lists no "${name}"`);
  };
  const countVpcs = async () => {
    let count = 0;
    for await (const { Vpcs = [] } of paginateDescribeVpcs({ client: ec2 }, {})) count += Vpcs.length;
    return count;
  };
  const countEndpoints = async () => {
    let count = 0;
    const filter = { Filters: [{ Name: 'vpc-endpoint-type', Values: ['Gateway'] }] };
    for await (const { VpcEndpoints = [] } of paginateDescribeVpcEndpoints({ client: ec2 }, filter))
      count += VpcEndpoints.length;
    return count;
  };
  const quotaUse = (check: string, name: string, count: () => Promise<number>): DoctorCheck => [
    check,
    async () => judgeQuota({ check, name, service: 'vpc', used: await count(), quota: await readQuota('vpc', name) }),
  ];
  return [
    quotaUse('vpcs', quotaNames.vpcs, countVpcs),
    quotaUse('gateway endpoints', quotaNames.endpoints, countEndpoints),
    [
      'lambda concurrency',
      async () => {
        const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
        return judgeConcurrency(AccountLimit?.ConcurrentExecutions ?? 0);
      },
    ],
    ['vcpus', async () => judgeVcpus(quotaNames.vcpus, await readQuota('ec2', quotaNames.vcpus))],
    ['desktops at once', async () => judgeRules(quotaNames.rules, await readQuota('vpc', quotaNames.rules))],
  ];
}

/** Cost Explorer is one service for all regions. An account that has not enabled it gets an error, which says so. */
const readCostTag = async (costTag: string): Promise<DoctorFinding> => {
  const client = new CostExplorerClient({ region: 'us-east-1' });
  const { CostAllocationTags = [] } = await client.send(new ListCostAllocationTagsCommand({ TagKeys: [costTag] }));
  return judgeCostTag(new Map(CostAllocationTags.map(({ TagKey = '', Status = '' }) => [TagKey, Status])), costTag);
};

function listDeploymentChecks(environment: string, settings: { region?: string }): DoctorCheck[] {
  const [stacks, ssm, ec2] = [new CloudFormationClient(settings), new SSMClient(settings), new EC2Client(settings)];
  const [sns, guardDuty] = [new SNSClient(settings), new GuardDutyClient(settings)];
  /** The physical id of the stack's only resource of a type. */
  const findResource = async (part: string, type: string): Promise<string> => {
    const StackName = environmentName(environment, part);
    for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client: stacks }, { StackName })) {
      const id = StackResourceSummaries.find(({ ResourceType }) => ResourceType === type)?.PhysicalResourceId;
      if (id !== undefined) return id;
    }
    throw new Error(`the stack ${StackName} has no ${type}`);
  };
  const readSubscriptions = async () => {
    const TopicArn = await findResource('data', 'AWS::SNS::Topic');
    const arns: string[] = [];
    for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic({ client: sns }, { TopicArn }))
      arns.push(...Subscriptions.map(({ SubscriptionArn = '' }) => SubscriptionArn));
    return judgeSubscriptions(arns);
  };
  const readScan = async () => {
    const MalwareProtectionPlanId = await findResource('airlock', 'AWS::GuardDuty::MalwareProtectionPlan');
    const plan = await guardDuty.send(new GetMalwareProtectionPlanCommand({ MalwareProtectionPlanId }));
    return judgeScanPlan(
      plan.Status ?? 'unknown',
      (plan.StatusReasons ?? []).map(({ Message = '' }) => Message),
    );
  };
  const readImage = async (kind: keyof typeof workspaceProviders) => {
    const Names = [imageParameter(workspaceProviders[kind].image)];
    const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names }));
    const id = Parameters[0]?.Value;
    if (id === undefined) return judgeImage(kind, undefined);
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    return judgeImage(kind, Images[0]?.State ?? 'deleted');
  };
  const readProtection = async () => {
    const StackName = environmentName(environment, 'data');
    const { Stacks = [] } = await stacks.send(new DescribeStacksCommand({ StackName }));
    return judgeProtection(StackName, Stacks[0]?.EnableTerminationProtection === true);
  };
  return [
    ['protection', readProtection],
    ['alarm subscriptions', readSubscriptions],
    ['malware scan', readScan],
    ['desktop image', () => readImage('desktop')],
    ['windows image', () => readImage('windows')],
  ];
}

/** Reads everything that a deployment depends on, with the operator's own rights. Nothing is changed. */
export function examineDeployment({ environment, region, costTag }: DoctorOptions): Promise<DoctorFinding[]> {
  const settings = region === undefined ? {} : { region };
  const checks: DoctorCheck[] = [
    ...listQuotaChecks(settings),
    ['cost allocation tag', () => readCostTag(costTag)],
    ...listDeploymentChecks(environment, settings),
  ];
  return Promise.all(checks.map(([check, read]) => read().catch(error => unreadable(check, error))));
}
