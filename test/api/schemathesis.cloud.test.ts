import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AdminAddUserToGroupCommand, CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { type Route, userGroups } from '../../functions/http/route.ts';
import { connectTestCloud } from '../cloud.ts';
import { registerAgreement } from '../ingest/agreement.ts';
import { areTrialsComplete, selectTrials } from '../trials.ts';
import { signInNewUser } from './caller.ts';

const cloud = connectTestCloud();
const run = promisify(execFile);
const pool = new CognitoIdentityProviderClient(cloud.configuration);
const folder = mkdtempSync(join(tmpdir(), 'broch-schemathesis-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// Values from answers would be the projects and people of other tests: an invented call once removed one of their members.
writeFileSync(join(folder, 'schemathesis.toml'), '[phases.fuzzing.extra-data-sources]\nresponses = false\n');

/** Operators are not made to deploy networks or to ask for bills of invented days. */
const costlyOperations = ['createProject', 'reportCosts'];

/** Schemathesis sends what the OpenAPI document allows and forbids, and compares every answer with the document. */
async function runSchemathesis(
  token: string,
  exclusions: readonly string[],
): Promise<{ isClean: boolean; report: string }> {
  const options = {
    url: cloud.api,
    header: `Authorization: Bearer ${token}`,
    'tls-verify': cloud.ca,
    phases: 'fuzzing',
    checks: 'all',
    'max-examples': areTrialsComplete ? '2' : '1',
    workers: '4',
    seed: '1',
    // A busy machine is not a finding.
    'max-response-time': '120',
    'request-timeout': '120',
    'generation-database': 'none',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const exclusionFlags = exclusions.flatMap(name => ['--exclude-operation-id', name]);
  const command = ['run', `${cloud.api}/openapi.json`, ...flags, ...exclusionFlags, '--no-color'];
  try {
    const { stdout } = await run(resolve('.venv/bin/st'), command, { cwd: folder, maxBuffer: 2 ** 26 });
    return { isClean: true, report: stdout };
  } catch (error) {
    return { isClean: false, report: (error as { stdout?: string }).stdout ?? String(error) };
  }
}

/** Somebody who has every group may call every operation. Somebody of one group is also refused, which takes a run for each. */
const trials = [userGroups, ...userGroups.map(group => [group])].map(groups => ({ name: groups.join(', '), groups }));
const operationsOf = ({ groups }: (typeof trials)[number]) =>
  Object.entries<Route>(routes).flatMap(([name, { callers }]) =>
    callers === 'anyone' || callers.some(({ group }) => groups.some(userGroup => userGroup === group)) ? [name] : [],
  );

describe('schemathesis finds nothing', () => {
  it.each(selectTrials('the API, invented calls', trials, operationsOf))('as $name', async ({ name, groups }) => {
    const user = `sec-st-${groups.length === 1 ? name : 'all'}`;
    const { token } = await signInNewUser(cloud, user, groups[0] ?? 'operator');
    for (const GroupName of groups.slice(1))
      await pool.send(
        new AdminAddUserToGroupCommand({ UserPoolId: cloud.outputs['data.Pool'], Username: user, GroupName }),
      );
    if (groups.length > 1) await registerAgreement(user);
    const { isClean, report } = await runSchemathesis(token, groups.includes('operator') ? costlyOperations : []);
    expect(isClean, report).toBe(true);
    expect(report).toMatch(/Tested: \d{2}/);
  });
});
