import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from './recipes.ts';

/** Runs Python with an agent of the Linux images loaded as `agent`. */
const runWith = (file: string, code: string, ...args: string[]): string =>
  execFileSync(
    'python3',
    [
      '-B',
      '-c',
      `import json, runpy, sys; agent = runpy.run_path(sys.argv[1]); ${code}`,
      join(imagesFolder, 'shared/linux', file),
      ...args,
    ],
    { encoding: 'utf8' },
  );

describe('the agent of machines for enclaves', () => {
  it('says on a machine that cannot run enclaves that it is not ready', () => {
    const report = JSON.parse(runWith('broch-enclave-agent.py', "print(json.dumps(agent['measure']()))"));
    expect(report).toEqual({ at: expect.stringMatching(/^\d{4}-/), ready: false, enclaves: null });
  });

  it.each([
    ['[]', 'active\\n', { ready: true, enclaves: 0 }],
    ['[{}]', 'active\\n', { ready: true, enclaves: 1 }],
    ['[]', 'inactive\\n', { ready: false, enclaves: 0 }],
    ['no JSON', 'active\\n', { ready: false, enclaves: null }],
  ])('with %s of nitro-cli and an allocator that is %s reports %j', (enclaves, allocator, outcome) => {
    const tools = `lambda tool, *_: '${enclaves}' if 'nitro' in tool else '${allocator}'`;
    const output = runWith('broch-enclave-agent.py', `print(json.dumps(agent['measure'](${tools})))`);
    expect(JSON.parse(output)).toMatchObject(outcome);
  });
});

describe('the desktop agent', () => {
  it('points pip and npm at the mirror, with a token, and again with the next one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-etc-'));
    try {
      const settings = '[global]\nindex-url = https://packages.example/pypi/simple/\n[install]\nuser = true\n';
      writeFileSync(join(folder, 'pip.conf'), settings);
      const host = 'broch-prod-packages-111122223333.d.codeartifact.eu-west-2.amazonaws.com';
      const urls = { pypi: `https://${host}/pypi/tier-2/`, npm: `https://${host}/npm/tier-2/` };
      for (const token of ['first\\1', 'second'])
        runWith(
          'broch-agent.py',
          "import pathlib; agent['write_package_settings'](json.loads(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4]))",
          JSON.stringify(urls),
          token,
          folder,
        );
      expect(readFileSync(join(folder, 'pip.conf'), 'utf8')).toBe(
        `[global]\nindex-url = https://aws:second@${host}/pypi/tier-2/simple/\n[install]\nuser = true\n`,
      );
      expect(readFileSync(join(folder, 'npmrc'), 'utf8')).toBe(
        `registry=https://${host}/npm/tier-2/\n//${host}/npm/tier-2/:_authToken=second\n`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
