import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { CfnFlowLog, type CfnVPC } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Core } from './core.ts';
import { explainWildcards } from './nag-wildcards.ts';

/** All traffic of a network, in a log group that outlives it. */
export class FlowLog extends Construct {
  constructor(scope: Construct, id: string, { core, vpc }: { core: Core; vpc: CfnVPC }) {
    super(scope, id);
    const logGroup = core.logGroup(this);
    logGroup.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    const role = new Role(this, 'Writer', {
      assumedBy: new ServicePrincipal('vpc-flow-logs.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const statement = new PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
      resources: [logGroup.logGroupArn],
    });
    const { policyDependable } = role.addToPrincipalPolicy(statement);
    explainWildcards(role, [statement], 'All streams of one log group.');
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one flow log: its policy belongs to nothing else.',
    });
    const log = new CfnFlowLog(this, 'Log', {
      resourceId: vpc.attrVpcId,
      resourceType: 'VPC',
      trafficType: 'ALL',
      logDestinationType: 'cloud-watch-logs',
      logDestination: logGroup.logGroupArn,
      deliverLogsPermissionArn: role.roleArn,
    });
    if (policyDependable) log.node.addDependency(policyDependable);
  }
}
