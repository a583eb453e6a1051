import { EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const environment = {
  ...{ ENVIRONMENT: 'prod', MACHINE: 'i-0123456789abcdef0', GROUP: 'sg-1', VPC: 'vpc-1', SUBNET: 'subnet-1' },
  ...{ SECRETS_GROUP: 'sg-2', GPU_PROTOCOL: 'rdp', AWS_REGION: 'eu-west-2' },
};
const addresses = ['10.64.0.5', '10.64.0.6', '10.64.0.7'];
const staleRule = { SecurityGroupRuleId: 'sgr-1', IsEgress: true, Description: 'a running desktop', ToPort: 3389 };
const state: Record<string, object> = {
  DescribeImages: { Images: [{ ImageId: 'ami-1' }] },
  DescribeSecurityGroupRules: { SecurityGroupRules: [{ ...staleRule, CidrIpv4: '10.64.0.4/32' }] },
};
const machines = {
  gateway: [{ Instances: [{ State: { Name: 'stopped' }, ImageId: 'ami-1' }] }],
  desktops: [{ Instances: addresses.map(PrivateIpAddress => ({ PrivateIpAddress })) }],
};

beforeEach(() => {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

interface Input {
  readonly Filters?: object;
  readonly IpPermissions?: readonly { readonly IpRanges: readonly { readonly CidrIp: string }[] }[];
}
/** Plays EC2 with a stopped gateway and three desktops. Returns the calls that change something, with their addresses. */
async function keep(refusalOf: (name: string, address: string) => string | undefined) {
  const calls: string[] = [];
  vi.spyOn(EC2Client.prototype, 'send').mockImplementation((async (command: { input: Input }) => {
    const name = command.constructor.name.replace('Command', '');
    if (name === 'DescribeInstances')
      return { Reservations: command.input.Filters ? machines.desktops : machines.gateway };
    if (name.startsWith('Describe')) return state[name] ?? {};
    const address = command.input.IpPermissions?.[0]?.IpRanges[0]?.CidrIp ?? '';
    calls.push(`${name} ${address}`.trim());
    const refusal = refusalOf(name, address);
    if (refusal) throw Object.assign(new Error(refusal), { name: refusal });
    return {};
  }) as never);
  const { handler } = await import('../../functions/workspaces/keep-gateway.lambda.ts');
  const outcome = await handler({}, { awsRequestId: 'test' } as never).then(
    () => 'done',
    (error: Error) => error.name,
  );
  return { calls, outcome };
}
const wholePlan = [
  ...['RevokeSecurityGroupEgress', 'CreateVpcEndpoint', 'StartInstances'],
  ...addresses.map(address => `AuthorizeSecurityGroupEgress ${address}/32`),
];

it('a rule that AWS refuses keeps neither the gateway nor the other desktops from their turn, and raises an alarm', async () => {
  const refusal = 'RulesPerSecurityGroupLimitExceeded';
  const { calls, outcome } = await keep((_, address) => (address === '10.64.0.6/32' ? refusal : undefined));
  expect(calls).toEqual(wholePlan);
  expect(outcome).toBe(refusal);
});

it('what another call has done at the same moment is no failure', async () => {
  const doneBefore: Record<string, string> = {
    RevokeSecurityGroupEgress: 'InvalidSecurityGroupRuleId.NotFound',
    AuthorizeSecurityGroupEgress: 'InvalidPermission.Duplicate',
  };
  const { calls, outcome } = await keep(name => doneBefore[name]);
  expect(calls).toEqual(wholePlan);
  expect(outcome).toBe('done');
});
