import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { InstanceStateChanged } from '../functions/workspaces/gateway-events.ts';
import type * as Keep from '../functions/workspaces/keep-gateway.lambda.ts';
import { accessTo } from './access.ts';
import type { Core } from './core.ts';
import type { GatewayNetwork } from './gateway-network.ts';
import { Handler } from './handler.ts';
import { callRegularly } from './schedule.ts';

export interface GatewayKeeperProps {
  readonly core: Core;
  readonly network: GatewayNetwork;
  /** The id of the gateway's machine. */
  readonly machine: string;
}

/**
 * Starts the gateway with the first desktop, stops it after the last, and gives it one rule for each desktop that runs: when
 * EC2 announces a change, and regularly, because an announcement can be lost.
 */
export class GatewayKeeper extends Construct {
  constructor(scope: Construct, id: string, { core, network, machine }: GatewayKeeperProps) {
    super(scope, id);
    const { environment } = core.config;
    const keep = new Handler<typeof Keep>(this, 'Keep', {
      core,
      entry: 'workspaces/keep-gateway.lambda.ts',
      seconds: 120,
      environment: {
        ENVIRONMENT: accessTo(environment, ...reads(), ...this.opensEndpoint(network, environment)),
        MACHINE: accessTo(machine, this.on(['ec2:StartInstances', 'ec2:StopInstances'], `instance/${machine}`)),
        GROUP: accessTo(
          network.group.attrGroupId,
          this.on(
            ['ec2:AuthorizeSecurityGroupEgress', 'ec2:RevokeSecurityGroupEgress'],
            `security-group/${network.group.attrGroupId}`,
          ),
        ),
        VPC: network.vpc.attrVpcId,
        SUBNET: network.subnet.attrSubnetId,
        SECRETS_GROUP: network.endpointGroup.attrGroupId,
        GPU_PROTOCOL: core.config.gateway?.gpuProtocol ?? 'rdp',
      },
    });
    core.onEvent(this, 'InstanceState', InstanceStateChanged, keep, 'critical', {
      detail: { state: ['pending', 'running', 'stopped', 'terminated'] },
    });
    callRegularly(this, 'Regularly', {
      target: keep,
      description: 'Brings the gateway in line with the desktops that run',
      every: Duration.minutes(15),
    });
  }

  private on(actions: string[], ...resources: string[]): PolicyStatement {
    const { partition, region, account } = Stack.of(this);
    return new PolicyStatement({
      actions,
      resources: resources.map(resource => `arn:${partition}:ec2:${region}:${account}:${resource}`),
    });
  }

  private opensEndpoint({ vpc, subnet, endpointGroup }: GatewayNetwork, environment: string): PolicyStatement[] {
    const create = this.on(['ec2:CreateVpcEndpoint'], 'vpc-endpoint/*');
    create.addCondition('StringEquals', { 'aws:RequestTag/broch:environment': environment });
    const tag = this.on(['ec2:CreateTags'], 'vpc-endpoint/*');
    tag.addCondition('StringEquals', { 'ec2:CreateAction': 'CreateVpcEndpoint' });
    const remove = this.on(['ec2:DeleteVpcEndpoints'], 'vpc-endpoint/*');
    remove.addCondition('StringEquals', { 'aws:ResourceTag/broch:environment': environment });
    return [
      create,
      tag,
      remove,
      this.on(
        ['ec2:CreateVpcEndpoint'],
        `vpc/${vpc.attrVpcId}`,
        `subnet/${subnet.attrSubnetId}`,
        `security-group/${endpointGroup.attrGroupId}`,
      ),
    ];
  }
}

/** These have no resource-level permissions. */
const reads = () => [
  new PolicyStatement({
    actions: ['Instances', 'Images', 'SecurityGroupRules', 'VpcEndpoints'].map(name => `ec2:Describe${name}`),
    resources: ['*'],
  }),
];
