import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { planSharing, type RegionalImage, ShareTarget } from '../../functions/images/sharing.ts';
import { readConfig } from '../../lib/config.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';
import { buildOf, follow, operatorOlga, publishWidely, withApproved } from './lifecycle.ts';

const [home, abroad, first, second] = ['eu-west-2', 'eu-west-1', '111122223333', '444455556666'];
const key = `arn:aws:kms:${abroad}:999988887777:key/copies`;
const targets: ShareTarget[] = [
  { account: first },
  { account: first, region: abroad, key },
  { account: second, region: abroad, key },
];
const pair = follow(withApproved(2), [...publishWidely(1), ...publishWidely(2)]);
const place = (version: number, change: Partial<RegionalImage> = {}): RegionalImage => ({
  id: buildOf(version).ami,
  source: buildOf(version).ami,
  region: home,
  isAvailable: true,
  accounts: [],
  ...change,
});
const plan = (regionalImages: RegionalImage[], image = pair) => planSharing(image, targets, home, regionalImages);
const copyOf = (version: number, change: Partial<RegionalImage> = {}) =>
  place(version, { id: `ami-0000cop${version}`, region: abroad, ...change });
const shared = [1, 2].flatMap(version => [
  place(version, { accounts: [first] }),
  copyOf(version, { accounts: [first, second] }),
]);

describe('sharing', () => {
  it('copies what is published to each region once, and allows it at home at once', () =>
    expect(plan([place(1), place(2)])).toEqual([
      { do: 'copy', source: buildOf(1).ami, region: abroad, key },
      { do: 'copy', source: buildOf(2).ami, region: abroad, key },
      { do: 'allow', region: home, id: buildOf(1).ami, accounts: [first] },
      { do: 'allow', region: home, id: buildOf(2).ami, accounts: [first] },
    ]));

  it('waits for a copy before it allows it', () => {
    const copying = shared.map(image => (image === shared[3] ? copyOf(2, { isAvailable: false }) : image));
    expect(plan(copying)).toEqual([]);
    const ready = shared.map(image => (image === shared[3] ? copyOf(2) : image));
    expect(plan(ready)).toEqual([{ do: 'allow', region: abroad, id: copyOf(2).id, accounts: [first, second] }]);
  });

  it('does nothing a second time', () => expect(plan(shared)).toEqual([]));

  it('takes back what is deprecated, and deletes the copies of what is retired', () => {
    const deprecatedImage = follow(pair, [{ do: 'deprecate', by: operatorOlga, version: 1 }]);
    expect(plan(shared, deprecatedImage)).toEqual([
      { do: 'revoke', region: home, id: buildOf(1).ami, accounts: [first] },
      { do: 'revoke', region: abroad, id: copyOf(1).id, accounts: [first, second] },
    ]);
    const retiredImage = follow(deprecatedImage, [
      { do: 'retire', by: operatorOlga, version: 1, instances: [], queues: [] },
    ]);
    expect(plan(shared.slice(1), retiredImage)).toEqual([{ do: 'delete', region: abroad, id: copyOf(1).id }]);
  });

  it('shares no candidate, no canary, and nothing with an account that the configuration does not name', () => {
    expect(plan([place(1)], withApproved(1))).toEqual([]);
    const canary = follow(withApproved(1), publishWidely(1).slice(0, 1));
    expect(plan([place(1, { accounts: [second] })], canary)).toMatchObject([{ do: 'revoke', accounts: [second] }]);
  });

  it.each([
    { account: '12' },
    { account: first, region: abroad },
    { account: first, key },
    { account: first, region: home, key },
  ])('refuses the configuration %j', target => expect(ShareTarget.safeParse(target).success).toBe(false));
});

describe('the deployment', () => {
  const config = readConfig('config/production.json');
  const withSharing = synthesiseApp({ ...config, images: { ...config.images, sharing: targets } });
  const policiesOf = ({ templates }: ReturnType<typeof synthesiseApp>, text: string) =>
    findTemplateResources(templates.platform, 'AWS::IAM::Policy').filter(([id]) => id.includes(text));

  it('has a function that shares only if the configuration names an account', () => {
    expect(policiesOf(withSharing, 'SharingShare').length).toBe(1);
    expect(policiesOf(synthesiseApp(), 'Sharing')).toEqual([]);
  });

  it('lets the function change only Broch’s own images, and use only the keys that are named', () => {
    const text = JSON.stringify(policiesOf(withSharing, 'SharingShare'));
    expect(text).toMatch(/ModifyImageAttribute[^}]*/);
    expect(text).toContain('"aws:ResourceTag/broch:image":"false"');
    expect(text).toContain(key);
    expect(text).not.toMatch(/kms:[^"]*:key\/\*/);
  });

  it('lets the roles by which AWS Batch starts machines use the key, through EC2 only, and no other role', () => {
    const [[, { Properties }] = expect.fail()] = findTemplateResources(
      Template.fromStack(synthesiseApp().stacks.data),
      'AWS::KMS::Key',
    ).filter(([, key]) => JSON.stringify(key.Properties.KeyPolicy).includes('ScaledMachines'));
    const { Statement } = Properties.KeyPolicy as { Statement: Record<string, unknown>[] };
    const openStatements = Statement.filter(({ Principal }) => JSON.stringify(Principal) === '{"AWS":"*"}');
    expect(openStatements.map(({ Sid }) => Sid)).toEqual(['ScaledMachines', 'ScaledMachinesGrants']);
    for (const { Condition } of openStatements) {
      expect(Condition).toMatchObject({ StringEquals: { 'kms:ViaService': expect.stringMatching(/^ec2\./) } });
      const { ArnEquals } = Condition as { ArnEquals: Record<string, unknown[]> };
      const roles = JSON.stringify(ArnEquals['aws:PrincipalArn']);
      expect(roles.match(/:role\/[\w./-]+/g)).toEqual([
        ':role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling',
        ':role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot',
      ]);
    }
    expect(openStatements[1]?.Condition).toMatchObject({ Bool: { 'kms:GrantIsForAWSResource': 'true' } });
  });

  it('lets the accounts that start images at home use their key, and no others', () => {
    const policies = (app: typeof withSharing) =>
      findTemplateResources(Template.fromStack(app.stacks.data), 'AWS::KMS::Key').filter(([, { Properties }]) =>
        JSON.stringify(Properties.KeyPolicy).includes('SharedImages'),
      );
    const [[, { Properties }] = expect.fail()] = policies(withSharing);
    expect(JSON.stringify(Properties.KeyPolicy)).toContain(first);
    expect(JSON.stringify(Properties.KeyPolicy)).not.toContain(second);
    expect(policies(synthesiseApp())).toEqual([]);
  });
});
