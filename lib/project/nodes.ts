import { CfnCondition, Fn, type Stack, Validations } from 'aws-cdk-lib';
import {
  CfnPlacementGroup,
  CfnSecurityGroup,
  CfnSecurityGroupEgress,
  CfnSecurityGroupIngress,
} from 'aws-cdk-lib/aws-ec2';

export interface NodeNetwork {
  /** Whether the queue is for multi-node jobs. */
  readonly isNodes: CfnCondition;
  readonly isSingle: CfnCondition;
  /** Lets the nodes reach each other. */
  readonly group: string;
  /** Keeps them close to each other, in one zone. */
  readonly placementGroup: string;
}

/**
 * What the nodes of multi-node jobs have besides the network of their project. Each node is a network interface of its own
 * with the security groups of its machine. Nothing else in the project is in this group, so nodes reach no desktop and no
 * job of another queue: https://docs.aws.amazon.com/batch/latest/userguide/mnp-ce.html
 */
export function addNodeNetwork(stack: Stack, { kind, vpcId }: { kind: string; vpcId: string }): NodeNetwork {
  const isNodes = new CfnCondition(stack, 'IsNodes', {
    expression: Fn.conditionOr(Fn.conditionEquals(kind, 'cpu-nodes'), Fn.conditionEquals(kind, 'gpu-nodes')),
  });
  const isSingle = new CfnCondition(stack, 'IsSingle', { expression: Fn.conditionNot(isNodes) });
  const nodes = new CfnSecurityGroup(stack, 'Nodes', {
    vpcId,
    groupDescription: 'Nodes of multi-node jobs: they reach each other',
    // Without any rule EC2 would add one that allows everything. This rule allows traffic to no real address.
    securityGroupEgress: [
      { ipProtocol: 'icmp', fromPort: 252, toPort: 86, cidrIp: '255.255.255.255/32', description: 'nowhere' },
    ],
  });
  const group = nodes.attrGroupId;
  const rule = { groupId: group, ipProtocol: '-1', description: 'nodes of the same queue' };
  const placementGroup = new CfnPlacementGroup(stack, 'Cluster', { strategy: 'cluster' });
  const ingress = new CfnSecurityGroupIngress(stack, 'NodesIn', { ...rule, sourceSecurityGroupId: group });
  Validations.of(ingress).acknowledge({
    id: 'NIST.800.53.R5-EC2RestrictedCommonPorts',
    reason: 'Only from the same group: programs that run on many machines choose their ports themselves.',
  });
  const resources = [
    nodes,
    ingress,
    new CfnSecurityGroupEgress(stack, 'NodesOut', { ...rule, destinationSecurityGroupId: group }),
    placementGroup,
  ];
  for (const resource of resources) resource.cfnOptions.condition = isNodes;
  return { isNodes, isSingle, group, placementGroup: placementGroup.ref };
}
