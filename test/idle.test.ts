import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../lib/config.ts';
import { buildNetworkTemplate } from '../lib/projects.ts';
import { synthesiseApp } from './template.ts';

/**
 * What one resource costs in a month in which nobody uses it, in US cents (list prices of eu-west-2, end of 2026, rounded
 * up). What is billed by use alone is 0. A type that isn't here fails the test: whoever adds it looks its price up.
 */
const cents: Record<string, number> = {
  'AWS::KMS::Key': 100,
  'AWS::SecretsManager::Secret': 40,
  'AWS::CloudWatch::Alarm': 10,
  'AWS::Route53Resolver::FirewallDomainList': 1,
  'AWS::Route53Resolver::FirewallRuleGroupAssociation': 0,
};
const byUse = [
  /^AWS::IAM::/,
  /^AWS::Lambda::/,
  /^AWS::Logs::/,
  /^AWS::S3::/,
  /^AWS::DynamoDB::GlobalTable$/,
  /^AWS::Events::/,
  /^AWS::SNS::/,
  /^AWS::SQS::/,
  /^AWS::StepFunctions::/,
  /^AWS::ApiGatewayV2::/,
  /^AWS::Cognito::/,
  /^AWS::Scheduler::/,
  /^AWS::KMS::Alias$/,
  /^AWS::CDK::Metadata$/,
  /^AWS::EC2::(VPC|Subnet|RouteTable|SubnetRouteTableAssociation|SecurityGroup|SecurityGroupEgress|SecurityGroupIngress|FlowLog)$/,
  /^AWS::Route53Resolver::FirewallRuleGroup$/,
  /^AWS::SSM::Parameter$/,
  // Per object and GB that is scanned.
  /^AWS::GuardDuty::MalwareProtectionPlan$/,
];

function idle(template: Template): number {
  const resources = Object.entries(
    template.toJSON().Resources as Record<string, { Type: string; Properties?: Record<string, unknown> }>,
  );
  return resources.reduce((sum, [id, { Type, Properties }]) => {
    // Endpoints of the gateway kind are free; interface endpoints cost by the hour and exist only while something runs.
    if (Type === 'AWS::EC2::VPCEndpoint') {
      expect(Properties?.VpcEndpointType, id).toBe('Gateway');
      return sum;
    }
    const price = cents[Type] ?? (byUse.some(pattern => pattern.test(Type)) ? 0 : undefined);
    expect(price, `what does a ${Type} cost when nobody uses it?`).toBeDefined();
    return sum + (price ?? 0);
  }, 0);
}

describe('a month in which nobody does anything', () => {
  const { templates } = synthesiseApp();
  const { template } = buildNetworkTemplate(readConfig('config/production.json'));

  it('costs $20 at most for the platform', () => {
    const sum = idle(templates.data) + idle(templates.platform);
    console.log(`idle platform: $${(sum / 100).toFixed(2)} a month`);
    expect(sum).toBeLessThanOrEqual(2000);
  });

  it('costs $2 at most for a project, storage aside', () => {
    const sum = idle(Template.fromStack(template));
    console.log(`idle project: $${(sum / 100).toFixed(2)} a month`);
    expect(sum).toBeLessThanOrEqual(200);
  });
});
