import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { rootEnvironmentFor } from '../../local/deploy.ts';
import { connectTestCloud } from '../cloud.ts';

const { account, environment, region } = connectTestCloud();

interface Answer {
  readonly findings: readonly { check: string; status: string; message: string; remedy?: string }[];
}

it('broch doctor reads a deployment with the operator’s own credentials', async () => {
  const words = ['bin/broch.ts', 'doctor', 'local', '--region', region, '--json'];
  const env = { ...process.env, ...environment, ...rootEnvironmentFor(account) };
  const { code, stdout } = await promisify(execFile)(process.execPath, words, { env }).catch(error => error);
  const { findings } = JSON.parse(stdout) as Answer;
  const statuses = Object.fromEntries(findings.map(({ check, status }) => [check, status]));
  console.log(findings.map(({ check, status, message }) => `${check} ${status}: ${message}`).join('\n'));
  // The embedded cloud has no GuardDuty, and its configuration names no address for alarms.
  expect(code).toBe(3);
  expect(statuses).toMatchObject({
    protection: 'ok',
    'alarm subscriptions': 'action',
    'malware scan': 'unknown',
    'windows image': 'action',
  });
  expect(Object.keys(statuses).length).toBe(11);
});
