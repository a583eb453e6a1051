import { EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ProjectNetwork } from '../../functions/projects/schemas.ts';
import { type LaunchOrder, launchInstance } from '../../functions/workspaces/instances.ts';
import type { Workspace } from '../../functions/workspaces/schemas.ts';

const id = 'ws-00112233aabb';
const machine = {
  ...{ InstanceId: 'i-0123456789abcdef0', PrivateIpAddress: '10.64.0.9', ImageId: 'ami-1', InstanceType: 't3.xlarge' },
  Tags: [{ Key: 'broch:attempt', Value: '1' }],
};
const preparedMachine = { ...machine, HibernationOptions: { Configured: true } };
const instance = { instanceId: machine.InstanceId, address: machine.PrivateIpAddress, imageId: machine.ImageId };

interface LaunchInput {
  readonly InstanceType?: string;
  readonly ClientToken?: string;
  readonly HibernationOptions?: object;
}

/** Plays EC2: an answer, or an error by name, for each call of an operation in turn. Returns the calls. */
function playEc2(answers: Readonly<Record<string, readonly (object | string)[]>>) {
  const calls: { name: string; input: LaunchInput }[] = [];
  const rest = new Map(Object.entries(answers).map(([name, list]) => [name, [...list]]));
  vi.spyOn(EC2Client.prototype, 'send').mockImplementation((async (command: { input: LaunchInput }) => {
    const name = command.constructor.name.replace('Command', '');
    calls.push({ name, input: command.input });
    const answer = rest.get(name)?.shift() ?? {};
    if (typeof answer === 'string') throw Object.assign(new Error('refused'), { name: answer });
    return answer;
  }) as never);
  return calls;
}
afterEach(() => vi.restoreAllMocks());

const order = (fields: Partial<LaunchOrder> = {}, workspace: object = {}): LaunchOrder => ({
  workspace: { id, project: 'asthma', owner: 'sub-rana', kind: 'windows', attempt: 1, ...workspace } as Workspace,
  network: { subnetIds: ['subnet-a'], bucket: 'b', instanceRole: 'r' } as unknown as ProjectNetwork,
  ...{ environment: 'prod', image: 'ami-1', types: ['t3.xlarge', 'm6i.2xlarge'] },
  ...{ restricted: false, hibernates: true, ...fields },
});
const launches = (calls: ReturnType<typeof playEc2>) =>
  calls.flatMap(({ name, input }) => (name === 'RunInstances' ? [input] : []));
const started = (workspace: object) => order({}, { earlierInstance: { ...instance, ...workspace } });

describe('a launch', () => {
  it('prepares for hibernation what AWS can hibernate, and no larger machine of another type', async () => {
    const calls = playEc2({ RunInstances: ['InsufficientInstanceCapacity', { Instances: [machine] }] });
    expect(await launchInstance(order())).toEqual(instance);
    expect(launches(calls).map(({ InstanceType, HibernationOptions }) => [InstanceType, HibernationOptions])).toEqual([
      ['t3.xlarge', { Configured: true }],
      ['m6i.2xlarge', undefined],
    ]);
  });

  it('prepares nothing if the operator did not name the kind, and nothing of Linux', async () => {
    for (const plainOrder of [order({ hibernates: false }), order({}, { kind: 'desktop' })]) {
      const calls = playEc2({ RunInstances: [{ Instances: [machine] }] });
      await launchInstance(plainOrder);
      expect(launches(calls)[0]).not.toHaveProperty('HibernationOptions');
      vi.restoreAllMocks();
    }
  });

  it('tells whether the machine can hibernate', async () => {
    playEc2({ RunInstances: [{ Instances: [preparedMachine] }] });
    expect(await launchInstance(order())).toEqual({ ...instance, hibernation: 'possible' });
  });

  it('from an image that AWS cannot hibernate gives a machine that cannot, by another token', async () => {
    const calls = playEc2({ RunInstances: ['UnsupportedHibernationConfiguration', { Instances: [machine] }] });
    expect(await launchInstance(order())).toEqual(instance);
    const [first, second] = launches(calls);
    expect([first?.HibernationOptions, second?.HibernationOptions]).toEqual([{ Configured: true }, undefined]);
    expect(first?.ClientToken).not.toBe(second?.ClientToken);
    for (const { ClientToken = '' } of launches(calls)) expect(ClientToken.length).toBeLessThanOrEqual(64);
  });
});

describe('a start', () => {
  const hibernated = { hibernation: 'possible', hibernatedAt: '2026-11-20T09:00:00.000Z' };

  it('of a hibernated machine keeps its type, also where AWS has no capacity for it', async () => {
    const calls = playEc2({ StartInstances: ['InsufficientInstanceCapacity'] });
    await expect(launchInstance(started(hibernated))).rejects.toThrow('refused');
    expect(calls.map(({ name }) => name)).toEqual(['DescribeInstances', 'StartInstances']);
  });

  it('of a stopped machine takes another type, which may have too much memory to hibernate', async () => {
    const calls = playEc2({
      StartInstances: ['InsufficientInstanceCapacity', {}],
      DescribeInstances: [{ Reservations: [{ Instances: [preparedMachine] }] }],
    });
    expect(await launchInstance(started({ hibernation: 'possible' }))).toEqual({ ...instance, hibernation: 'large' });
    expect(calls.map(({ name }) => name)).toEqual([
      ...['DescribeInstances', 'StartInstances', 'ModifyInstanceAttribute', 'StartInstances'],
    ]);
  });

  it('of a hibernated machine whose type the tier no longer permits is refused with the remedy', async () => {
    const stoppedMachine = { ...preparedMachine, State: { Name: 'stopped' } };
    playEc2({ DescribeInstances: [{ Reservations: [{ Instances: [stoppedMachine] }] }] });
    const restrictedOrder = { ...started(hibernated), restricted: true, types: ['m6i.xlarge'] };
    await expect(launchInstance(restrictedOrder)).rejects.toThrow(
      /hibernated on a machine of the type t3.xlarge.*--cold/,
    );
  });
});
