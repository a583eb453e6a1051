import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { userGroups } from '../../functions/http/route.ts';
import { connectTestCloud } from '../cloud.ts';
import { signInNewUser } from './caller.ts';

const cloud = connectTestCloud();
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'broch-schemathesis-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
    'max-examples': '2',
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

describe('schemathesis finds nothing', () => {
  it.each(userGroups)('as %s', async group => {
    const { token } = await signInNewUser(cloud, `sec-schemathesis-${group}`, group);
    const { isClean, report } = await runSchemathesis(token, group === 'operator' ? costlyOperations : []);
    expect(isClean, report).toBe(true);
    expect(report).toMatch(/Tested: \d{2}/);
  });
});
