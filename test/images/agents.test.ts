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

describe('what starts an enclave', () => {
  const script = 'broch-enclave-run.py';

  it('never starts one in debug mode, and lets its proxy reach KMS alone', () => {
    const code = "print(json.dumps(agent['commands']({'vcpus': 2, 'memoryMiB': 12288}, 'eu-west-2')))";
    const [proxy, parent, enclave] = JSON.parse(runWith(script, code)) as [string[], string[], string[]];
    expect(proxy).toEqual(expect.arrayContaining(['8000', 'kms.eu-west-2.amazonaws.com', '443']));
    expect(parent).toContain('vsock:9000');
    expect(enclave.join(' ')).toMatch(/run-enclave --eif-path \S+ --cpu-count 2 --memory 12288$/);
  });

  /** The reports, if these answers appear round by round and nitro-cli says whether an enclave runs. */
  function reportsOf(answers: readonly string[][], running: readonly (boolean | null)[]): string[] {
    const folder = mkdtempSync(join(tmpdir(), 'broch-enclave-'));
    try {
      const code = `
folder = __import__('pathlib').Path(sys.argv[2]); reports = []; left, states = json.loads(sys.argv[3])
def wait(): [(folder / name).write_text('') for name in left.pop(0)]
agent['report'](lambda path, name: reports.append(name), lambda name, body: reports.append(name), lambda: states.pop(0), lambda: reports.append('session'), folder, wait)
print(json.dumps(reports))`;
      return JSON.parse(runWith(script, code, folder, JSON.stringify([answers, running]))) as string[];
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const beat = ['heartbeat', 'session'];

  it('reports each answer once and the result last, then ends, and renews the session with each heartbeat', () => {
    const answers = [['attestation'], ['result', 'outputs'], ['late']];
    const reports = [...beat, ...beat, 'attestation', ...beat, 'outputs', 'result'];
    expect(reportsOf(answers, [true, true, true])).toEqual(reports);
    // The enclave stops soon after its result.
    expect(reportsOf(answers, [true, true, false])).toEqual(reports.filter((_, index) => index < 5 || index > 6));
  });

  it('sends heartbeats only while an enclave runs, and reports a failure if it stops without an answer', () => {
    expect(reportsOf([[], ['attestation'], []], [true, null, false])).toEqual([...beat, 'attestation', 'failure']);
  });

  it.each([
    ['[{"State":"RUNNING"}]', 'true'],
    ['[{"State":"TERMINATING"}]', 'false'],
    ['[]', 'false'],
    ['no JSON', 'null'],
  ])('with %s of nitro-cli takes it for running: %s', (output, expectation) => {
    const code = "print(json.dumps(agent['is_running'](lambda *_: sys.argv[2])))";
    expect(runWith(script, code, output).trim()).toBe(expectation);
  });

  it('replaces the session in one step, so that an enclave never reads half of it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-enclave-'));
    try {
      const code =
        "agent['write_session']({'accessKeyId': 'B'}, {'ab': 'AA=='}, __import__('pathlib').Path(sys.argv[2])); print(json.dumps(sorted(__import__('os').listdir(sys.argv[2]))))";
      expect(JSON.parse(runWith(script, code, folder))).toEqual(['session']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('hands over the manifest as it is, the session and the packed files, and nothing else', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-enclave-'));
    try {
      const order = { manifest: '{"v":1}', keys: { ab: 'AA==' }, objects: { ab: 'data/enclaves/code.pack' } };
      const code =
        "agent['prepare'](json.loads(sys.argv[2]), {'accessKeyId': 'A'}, lambda key, path: open(path, 'w').write(key), __import__('pathlib').Path(sys.argv[3]))";
      runWith(script, code, JSON.stringify(order), folder);
      const read = (name: string) => readFileSync(join(folder, name), 'utf8');
      expect(read('manifest')).toBe(order.manifest);
      expect(JSON.parse(read('session'))).toEqual({ credentials: { accessKeyId: 'A' }, keys: order.keys });
      expect(read('objects/ab')).toBe('data/enclaves/code.pack');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the desktop agent', () => {
  it('finds the sessions of RDP and of Amazon DCV, with the file that opens the display of each', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-proc-'));
    try {
      const commands = [
        ['/usr/bin/Xvnc', ':10', '-auth', '.Xauthority', '-geometry', '1x1'],
        ['/usr/libexec/dcv/Xdcv', ':1', '-auth', '/run/user/1000/dcv/ws.xauth'],
        ['/usr/bin/Xvnc', ':11', '-auth'],
        ['/usr/bin/R', ':9'],
      ];
      const code = `
import os, pathlib, types
proc = pathlib.Path(sys.argv[2])
for number, command in enumerate(json.loads(sys.argv[3])):
    (proc / str(number)).mkdir()
    (proc / str(number) / 'cmdline').write_bytes('\\0'.join(command).encode())
account = types.SimpleNamespace(pw_uid=os.getuid(), pw_dir='/srv/researcher')
agent['list_sessions'].__globals__['pwd'] = types.SimpleNamespace(getpwnam=lambda name: account)
print(json.dumps(agent['list_sessions'](proc)))`;
      expect(JSON.parse(runWith('broch-agent.py', code, folder, JSON.stringify(commands)))).toEqual({
        ':10': '/srv/researcher/.Xauthority',
        ':1': '/run/user/1000/dcv/ws.xauth',
        ':11': '/srv/researcher/.Xauthority',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('counts connections by RDP and by Amazon DCV, after which the password changes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-net-'));
    try {
      const line = (port: number, far: string, state: string) =>
        `0: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} ${far} ${state} 0\n`;
      const rows = [
        line(3389, '0A00000A:1000', '01'),
        line(3390, '0A00000A:1001', '01'),
        line(3390, '0A00000A:1002', '0A'),
        line(8444, '0A00000A:1003', '01'),
      ];
      writeFileSync(join(folder, 'tcp'), `head\n${rows.join('')}`);
      writeFileSync(join(folder, 'tcp6'), 'head\n');
      const code = "print(json.dumps(sorted(agent['list_connections'](__import__('pathlib').Path(sys.argv[2])))))";
      expect(JSON.parse(runWith('broch-agent.py', code, folder))).toEqual(['0A00000A:1000', '0A00000A:1001']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('points pip, npm and Maven at the mirror, with a token, and again with the next one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-etc-'));
    try {
      const settings = '[global]\nindex-url = https://packages.example/pypi/simple/\n[install]\nuser = true\n';
      writeFileSync(join(folder, 'pip.conf'), settings);
      const host = 'broch-prod-packages-111122223333.d.codeartifact.eu-west-2.amazonaws.com';
      const urls = {
        pypi: `https://${host}/pypi/tier-2/`,
        npm: `https://${host}/npm/tier-2/`,
        maven: `https://${host}/maven/tier-2/`,
      };
      for (const token of ['first\\1', 'sec&nd'])
        runWith(
          'broch-agent.py',
          "import pathlib; agent['write_package_settings'](json.loads(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4]))",
          JSON.stringify(urls),
          token,
          folder,
        );
      expect(readFileSync(join(folder, 'pip.conf'), 'utf8')).toBe(
        `[global]\nindex-url = https://aws:sec&nd@${host}/pypi/tier-2/simple/\n[install]\nuser = true\n`,
      );
      expect(readFileSync(join(folder, 'npmrc'), 'utf8')).toBe(
        `registry=https://${host}/npm/tier-2/\n//${host}/npm/tier-2/:_authToken=sec&nd\n`,
      );
      const texts = (path: string) =>
        `[found.text for found in ElementTree.parse(sys.argv[2]).getroot().findall(${JSON.stringify(path)})]`;
      const code = `from xml.etree import ElementTree; print(json.dumps([${['servers/server/*', 'mirrors/mirror/*'].map(texts)}]))`;
      expect(JSON.parse(runWith('broch-agent.py', code, join(folder, 'maven/settings.xml')))).toEqual([
        ['broch', 'aws', 'sec&nd'],
        ['broch', '*', urls.maven],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('changes the password some seconds after each connection, once', () => {
    const rounds = [[], ['a'], ['a'], ['a'], ['a', 'b'], ['b'], ['b'], []];
    const code = `renewal = agent['Renewal'](); print(json.dumps([(renewal.is_due(set(ends), 6 * number), setattr(renewal, 'due', None) if renewal.due is not None and 6 * number >= renewal.due else None)[0] for number, ends in enumerate(json.loads(sys.argv[2]))]))`;
    expect(JSON.parse(runWith('broch-agent.py', code, JSON.stringify(rounds)))).toEqual([
      ...[false, false, false, true],
      ...[false, false, true, false],
    ]);
  });
});

describe('the agent of Windows desktops', () => {
  const read = (file: string) => readFileSync(join(imagesFolder, 'shared', file), 'utf8');
  const windows = read('windows/broch-agent.ps1');
  const linux = read('linux/broch-agent.py');

  it('asks for the mirror of the same tiers, formats and time as that of Linux', () => {
    for (const [inPython, inPowerShell] of [
      ['for tier in (3, 2, 1)', 'foreach ($tier in 3, 2, 1)'],
      ['("pypi", "npm", "maven")', "foreach ($format in 'pypi', 'npm', 'maven')"],
      ['durationSeconds=12 * 3600', '-DurationSecond 43200'],
      ['f"tier-{tier}"', '"tier-$tier"'],
    ] as const) {
      expect(linux).toContain(inPython);
      expect(windows).toContain(inPowerShell);
    }
  });

  it('writes the token into the settings of pip, npm and Maven and nowhere else, and never prints it', () => {
    const lines = windows.split('\n').filter(line => /\$token\b/i.test(line) && !/X-aws-ec2-metadata-token/.test(line));
    expect(lines.filter(line => /Write-(Output|Host|Error|Verbose|EventLog)|Out-File/.test(line))).toEqual([]);
    const places = [...windows.matchAll(/Set-Content -Path ('[^']+'|\$pip)/g)].map(([, place]) => place);
    expect(places).toEqual([
      '$pip',
      String.raw`'C:\broch\packages\npmrc'`,
      String.raw`'C:\broch\packages\settings.xml'`,
    ]);
  });

  it('leaves nothing to the researcher that decides what is mounted where', () => {
    const setup = read('windows/agent.ps1');
    // No settings of a user, no module of a user, and no other account.
    expect(setup).toContain(String.raw`-Argument '-I C:\broch\broch-mounts.py'`);
    expect(setup).toMatch(/-TaskName 'Broch mounts' .*-Principal \$principal/);
    expect(setup).toContain("New-ScheduledTaskPrincipal -UserId 'SYSTEM'");
    for (const folder of [String.raw`'C:\broch'`, String.raw`'C:\data'`])
      expect(setup).toContain(
        `icacls.exe ${folder} /inheritance:r /grant:r 'Administrators:(OI)(CI)F' 'SYSTEM:(OI)(CI)F' 'Users:(OI)(CI)RX'`,
      );
    const places = [...read('windows/broch-mounts.py').matchAll(/^[A-Z]+ = r"(C:[^"]+)"$/gm)].map(([, place]) => place);
    expect(places.length).toBeGreaterThan(4);
    for (const place of places) expect(place).toMatch(/^C:\\(broch\\\w+|data|Program Files\\rclone\\rclone\.exe)$/);
  });

  it('runs as two tasks, so that a slow mirror delays no password', () => {
    expect([...read('windows/agent.ps1').matchAll(/New-AgentAction '(\w+)'/g)].map(([, command]) => command)).toEqual([
      'run',
      'packages',
    ]);
    expect(windows).toContain("param([ValidateSet('run', 'packages')]");
  });
});
