import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ImageName } from '../../functions/images/schemas.ts';
import { chooseProtocol, desktopPorts, portsOf, workspaceProviders } from '../../functions/workspaces/kinds.ts';
import { WorkspaceKind, WorkspaceSize } from '../../functions/workspaces/schemas.ts';
import { imagesFolder } from '../images/recipes.ts';

const config = JSON.parse(readFileSync(join(import.meta.dirname, '../../local/config.json'), 'utf8'));
const readShared = (name: string) => readFileSync(join(imagesFolder, 'shared', name), 'utf8');

it('every kind has a provider, and every provider is a kind', () => {
  expect(Object.keys(workspaceProviders).sort()).toEqual([...WorkspaceKind.options].sort());
});

// What every kind must keep, whoever adds one.
describe.each(Object.entries(workspaceProviders))('the kind %s', (kind, provider) => {
  it('starts from an image of which the recipe is here', () => {
    expect(ImageName.safeParse(provider.image).success).toBe(true);
    expect(existsSync(join(imagesFolder, provider.image))).toBe(true);
  });

  it('says in a few words what a person gets', () => {
    expect(provider.summary).toMatch(/^an? [^.]{5,60}$/);
  });

  it('has a home on a disk of its own, which the agent of its image mounts before anybody signs in', () => {
    expect(provider.homeDevice).not.toBe(provider.rootDevice);
    // The names that EC2 recommends for more disks: /dev/sd[f-p], for Windows xvd[f-z].
    expect(provider.homeDevice).toMatch(/^(\/dev\/sd[f-p]|xvd[f-z])$/);
    expect(provider.homeGigabytes).toBeGreaterThanOrEqual(20);
    const isWindows = provider.image.startsWith('windows');
    const agent = readShared(isWindows ? 'windows/broch-agent.ps1' : 'linux/files/broch-agent.service');
    expect(agent).toMatch(isWindows ? /Mount-Home \}\n[\s\S]*Write-Ready/ : /^Requires=broch-home\.service$/m);
  });

  it('is entered by a protocol that the gateway has a port for', () => {
    const port = desktopPorts[provider.protocol];
    expect(portsOf('rdp')).toEqual({ firstPort: port, lastPort: port });
  });

  it('is shown by Amazon DCV only if its image has it, the operator wants it, and the session is not recorded', () => {
    const protocolOf = (protocol: 'rdp' | 'dcv', wish: 'rdp' | 'dcv', recording: boolean) =>
      chooseProtocol(
        { kind: kind as 'gpu', desktop: { protocol, password: '', reportedAt: '2026-11-20T09:00:00.000Z' } },
        wish,
        recording,
      );
    expect(protocolOf('dcv', 'dcv', false)).toBe(provider.hasDcv ? 'dcv' : 'rdp');
    for (const [protocol, wish, recording] of [
      ['dcv', 'dcv', true],
      ['dcv', 'rdp', false],
      ['rdp', 'dcv', false],
    ] as const)
      expect(protocolOf(protocol, wish, recording)).toBe('rdp');
    expect(portsOf('dcv')).toEqual({ firstPort: desktopPorts.rdp, lastPort: desktopPorts.dcv });
    expect(desktopPorts.dcv).toBe(desktopPorts.rdp + 1);
  });

  it('has instance types of its own families in each size, and nothing older than Nitro', () => {
    for (const size of WorkspaceSize.options)
      for (const type of config.workspaces.sizes[kind][size]) expect(type).toMatch(provider.families);
    // Older machines name disks otherwise, and have no serial number to find the home by.
    for (const type of ['t2.large', 'm4.large', 'c4.large', 'r4.large', 'p2.xlarge', 'g3.4xlarge'])
      expect(type).not.toMatch(provider.families);
  });

  it('hibernates only types that it runs on, and only a kind whose image is not Linux', () => {
    const { hibernates } = provider;
    expect(hibernates !== undefined).toBe(provider.image.startsWith('windows'));
    for (const family of ['t3', 't3a', 'm5', 'm6i', 'm7i', 'c6i', 'c7i', 'r7i'])
      for (const size of ['large', 'xlarge', '2xlarge', '4xlarge', 'metal'])
        if (hibernates?.test(`${family}.${size}`)) expect(`${family}.${size}`).toMatch(provider.families);
  });

  it('counts as calculating from a load between nothing and everything', () => {
    expect(provider.busyLoad).toBeGreaterThan(0);
    expect(provider.busyLoad).toBeLessThan(1);
  });
});
