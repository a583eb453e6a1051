import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { synthesiseApp } from '../template.ts';

const folder = mkdtempSync(join(tmpdir(), 'broch-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = () => JSON.parse(readFileSync('config/production.json', 'utf8'));
const write = (text: string) => {
  const file = join(folder, 'config.json');
  writeFileSync(file, text);
  return file;
};

/** The production configuration with the value at `key` changed, or taken out. */
function writeChange(key: string, value: unknown): string {
  const config = good();
  const path = key.split('.');
  const last = path.pop() as string;
  const parent = path.reduce((inner, name) => (inner[name] ??= {}), config);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return write(JSON.stringify(config));
}

const complaint = (file: string): string => {
  try {
    readConfig(file);
    return 'no complaint';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the error for a wrong configuration', () => {
  it.each([
    ['environment', undefined, 'missing'],
    ['environment', 'Prod', 'two to twelve lower-case letters and digits'],
    ['environment', 'averyveryverylongname', 'two to twelve lower-case letters and digits'],
    ['account', 111122223333, 'expected string'],
    ['account', '1234', 'twelve digits'],
    ['region', undefined, 'missing'],
    ['region', 'London', 'a region such as eu-west-2'],
    ['retainDays', '400', 'expected number'],
    ['retainDays', 0, '>=1'],
    ['retainDays', 1.5, 'expected int'],
    ['alarms.email', 'operators', 'email'],
    ['alarms', [], 'expected object'],
    ['projects', undefined, 'missing'],
    ['projects.pool', undefined, 'missing'],
    ['projects.pool', '10.64.0.0', 'an IPv4 block such as 10.64.0.0/12'],
    ['projects.pool', '10.0.0.0/8/8', 'an IPv4 block such as 10.64.0.0/12'],
    ['projects.pool', '300.64.0.0/12', 'an IPv4 block such as 10.64.0.0/12'],
    ['projects.pool', '2001:db8::/32', 'an IPv4 block such as 10.64.0.0/12'],
    ['projects.prefix', 16, '>=20'],
    ['projects.prefix', 27, '<=26'],
    ['projects.quarantineDays', -1, '>=0'],
    ['ingest.lockDays', 0, '>=1'],
    ['ingest.landingDays', null, 'expected number'],
    ['workspaces.gateway', 'desktops.example.org', 'https'],
    ['workspaces.gateway', 'http://desktops.example.org', 'https'],
    ['workspaces.linkSeconds', 61, '<=60'],
    ['workspaces.readyMinutes', 120, '<=60'],
    ['workspaces.sizes.desktop.small', undefined, 'missing'],
    ['workspaces.sizes.desktop.small', ['big'], 'an instance type such as t3.large'],
    ['workspaces.sizes.desktop.small', [], 'at least one'],
    ['workspaces.sizes.desktop.small', ['g5.xlarge'], 'not of a family that desktop workspaces run on'],
    ['batch.families', { 3: ['g6', 'c7i'] }, 'no machine of the family c7i has a price'],
    ['workspaces.sizes.gpu.small', ['t3.large'], 'not of a family that gpu workspaces run on'],
    ['workspaces.sizes.windows', 't3.large', 'expected object'],
    ['workspaces.hibernate', ['desktop'], 'AWS cannot hibernate the image of desktop workspaces'],
    ['workspaces.hibernate', ['laptop'], 'desktop'],
    ['images.windowsServer', 2019, 'expected one of 2022|2025'],
    ['workspaces.hourlyBudget', 5, 'Add to workspaces.hourlyPrices: t3.large'],
    ['costs.hour', 24, '<=23'],
    ['costs.tag', 7, 'expected string'],
    ['costs.timezone', 'Mars/Olympus', 'a time zone such as Europe/London'],
    ['costs.webhookHosts', '*.logic.azure.com', 'expected array'],
    ['costs.webhookHosts', [], 'at least one'],
  ])('names the key %s when its value is %j', (key, value, expectation) => {
    const message = complaint(writeChange(key, value));
    expect(message).toContain(`  ${key}`);
    expect(message).toContain(expectation);
    expect(message.split('\n')).toHaveLength(2);
  });

  it('says what to do about Windows workspaces that are to hibernate and cannot', () => {
    const config = good();
    config.workspaces.hibernate = ['windows'];
    const message = complaint(write(JSON.stringify(config)));
    expect(message).toContain('images.windowsServer: AWS cannot hibernate Windows Server 2025. Use 2022');
    config.images.windowsServer = 2022;
    expect(complaint(write(JSON.stringify(config)))).toBe('no complaint');
  });

  it.each([
    ['enviroment', '(top)'],
    ['alarms.mail', 'alarms'],
    ['projects.pools', 'projects'],
    ['ingest.lockdays', 'ingest'],
    ['workspaces.sizes.mac', 'workspaces.sizes'],
    ['workspaces.sizes.desktop.huge', 'workspaces.sizes.desktop'],
    ['costs.__proto', 'costs'],
  ])('names the unknown key %s', (key, parent) => {
    const message = complaint(writeChange(key, 'x'));
    expect(message).toContain(`  ${parent}: Unrecognized key: "${key.split('.').at(-1)}"`);
  });

  it('names every mistake at once', () => {
    const message = complaint(write('{"environment": 1, "region": 2, "retainDays": 3}'));
    for (const key of ['environment', 'region', 'projects', 'workspaces', 'costs'])
      expect(message).toContain(`  ${key}: `);
  });

  it.each([
    ['is not JSON', () => write('{"environment": ')],
    ['is no object', () => write('"production"')],
    ['is not there', () => join(folder, 'nowhere.json')],
  ])('names the path of a file that %s', (_, file) => {
    const path = file();
    expect(complaint(path)).toContain(path);
    expect(complaint(path)).toContain('configuration');
  });
});

describe('the CDK app', () => {
  const synth = (config: string) =>
    spawnSync(process.execPath, ['bin/app.ts'], {
      encoding: 'utf8',
      env: { ...process.env, CDK_CONTEXT_JSON: JSON.stringify({ config }), CDK_OUTDIR: join(folder, 'out') },
    });

  it('given a wrong key ends with that sentence and no stack trace', () => {
    const { status, stderr } = synth(writeChange('projects.pools', 'x'));
    expect(status).not.toBe(0);
    expect(stderr).toContain('projects: Unrecognized key: "pools"');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    ['is too small', '10.64.0.0/25'],
    ['has host bits set', '10.64.0.1/12'],
  ])('given a pool that %s ends with the name of its key', (_, pool) => {
    const config = readConfig(writeChange('projects.pool', pool));
    expect(() => synthesiseApp(config)).toThrow(/configuration.*projects\.pool/s);
  });
});
