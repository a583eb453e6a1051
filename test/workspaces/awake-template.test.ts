import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { allEndpointServices, endpointServices, packageServices } from '../../functions/awake/lease.ts';
import { buildAwakeTemplate } from '../../lib/awake.ts';

const { Resources, Conditions } = Template.fromStack(buildAwakeTemplate().template).toJSON() as {
  Resources: Record<string, { Type: string; Condition?: string; Properties: Record<string, unknown> }>;
  Conditions: Record<string, unknown>;
};
const ofType = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
/** https://aws.amazon.com/privatelink/pricing/ for eu-west-2, in dollars for an hour and a zone. */
const ENDPOINT_HOURLY_PRICE = 0.011;

describe('what a project has while something runs in it', () => {
  it('has an interface endpoint for each service that something needs, in one zone, and none that nobody asked for', () => {
    const endpoints = ofType('AWS::EC2::VPCEndpoint');
    expect(endpoints).toHaveLength(allEndpointServices.length);
    for (const { Condition = '', Properties } of endpoints) {
      expect(Conditions).toHaveProperty(Condition);
      expect(Properties).toMatchObject({ VpcEndpointType: 'Interface', PrivateDnsEnabled: true });
      expect(Properties.SubnetIds).toHaveLength(1);
    }
  });

  it('lets identities of other accounts use no endpoint that can have a policy', () => {
    const policies = ofType('AWS::EC2::VPCEndpoint').map(({ Properties }) => [
      JSON.stringify(Properties.ServiceName).match(/\.([a-z.-]+)"\]\]/)?.[1],
      (Properties.PolicyDocument as { Statement: { Condition: object }[] } | undefined)?.Statement.map(
        ({ Condition }) => Condition,
      ),
    ]);
    const ownAccount = [{ StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } }];
    expect(policies.filter(([, conditions]) => !conditions).map(([service]) => service)).toEqual([
      'ecs-agent',
      'ecs-telemetry',
    ]);
    for (const [service, conditions] of policies)
      if (conditions) expect(conditions, String(service)).toEqual(ownAccount);
  });

  it('lets the gateway reach only the ports of desktops', () => {
    const rules = ofType('AWS::EC2::SecurityGroupIngress').map(({ Properties }) => Properties);
    expect(rules).toMatchObject([
      {
        IpProtocol: 'tcp',
        FromPort: 3389,
        ToPort: 3389,
        CidrIp: { Ref: 'GatewayCidr' },
        GroupId: { Ref: 'WorkspaceGroup' },
      },
    ]);
    const withDcv = Template.fromStack(buildAwakeTemplate('dcv').template);
    const [dcvRule, ...otherRules] = Object.values(withDcv.findResources('AWS::EC2::SecurityGroupIngress'));
    expect(dcvRule?.Properties).toMatchObject({ FromPort: 3389, ToPort: 3390, CidrIp: { Ref: 'GatewayCidr' } });
    expect(otherRules).toEqual([]);
    expect(ofType('AWS::EC2::VPCPeeringConnection')).toHaveLength(1);
    const routes = ofType('AWS::EC2::Route').map(({ Properties }) => Properties);
    expect(routes.map(({ DestinationCidrBlock }) => DestinationCidrBlock)).toEqual([
      { Ref: 'GatewayCidr' },
      { Ref: 'Cidr' },
    ]);
    for (const [id, { Condition }] of Object.entries(Resources))
      if (id !== 'Awake') expect(Condition, id).toBeDefined();
  });

  it.each([
    ['workspaces', endpointServices.workspace],
    ['workspaces, in a project with a tier for the [mirror of packages](packages.md)', packageServices],
    ['batch jobs', endpointServices.job],
    ['enclaves', endpointServices.enclave],
  ] as const)('costs what the page says for an hour of %s, and little', (use, services) => {
    const dollars = services.length * ENDPOINT_HOURLY_PRICE;
    console.log(`a project awake for ${use}: $${dollars.toFixed(3)} an hour; asleep: $0.000`);
    expect(dollars).toBeLessThanOrEqual(0.1);
    const row = services.length > 0 ? `${services.length} | $${dollars.toFixed(3)}` : 'none | nothing';
    expect(readFileSync('docs/workspaces.md', 'utf8')).toContain(`| ${use} | ${row} |`);
  });
});
