import { Stack } from 'aws-cdk-lib';
import {
  CfnFirewallDomainList,
  CfnFirewallRuleGroup,
  CfnFirewallRuleGroupAssociation,
} from 'aws-cdk-lib/aws-route53resolver';
import { Construct } from 'constructs';

export interface DnsFirewallProps {
  readonly name: string;
  readonly vpcId: string;
}

/**
 * DNS can leak data: a resolver queries any name server even if the network lets no packet out. So only AWS names of this
 * region are resolved.
 */
export class DnsFirewall extends Construct {
  constructor(scope: Construct, id: string, { name, vpcId }: DnsFirewallProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    const list = (id: string, suffix: string, domains: string[]) =>
      new CfnFirewallDomainList(this, id, { name: `${name}-${suffix}`, domains }).attrId;
    const group = new CfnFirewallRuleGroup(this, 'Rules', {
      name,
      firewallRules: [
        {
          priority: 100,
          action: 'ALLOW',
          firewallDomainListId: list('Allowed', 'allowed', [
            `*.${region}.amazonaws.com`,
            `*.${region}.compute.internal`,
            // In us-east-1 the DNS names of instances end with this.
            '*.ec2.internal',
          ]),
          // Otherwise every name in a chain of aliases would have to be on the list.
          firewallDomainRedirectionAction: 'TRUST_REDIRECTION_DOMAIN',
        },
        { priority: 900, action: 'BLOCK', blockResponse: 'NODATA', firewallDomainListId: list('All', 'all', ['*']) },
      ],
    });
    new CfnFirewallRuleGroupAssociation(this, 'Association', {
      firewallRuleGroupId: group.attrId,
      vpcId,
      priority: 101,
      mutationProtection: 'DISABLED',
    });
  }
}
