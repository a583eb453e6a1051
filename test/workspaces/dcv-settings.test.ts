import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../images/recipes.ts';

describe('the settings of Amazon DCV', () => {
  const runPython = (code: string, ...args: string[]) =>
    execFileSync(
      'python3',
      [
        '-B',
        '-c',
        `import runpy, sys; dcv = runpy.run_path(sys.argv[1]); ${code}`,
        join(imagesFolder, 'shared/linux/broch-dcv.py'),
        ...args,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );

  it('say where the verifier is, and accept no certificate that is not checked', () => {
    const lines = runPython("print(dcv['settings_for'](sys.argv[2]))", 'ws-00112233aabb').split('\n');
    for (const line of [
      'auth-token-verifier="http://127.0.0.1:8444"',
      'no-tls-strict=false',
      'authentication="system"',
      'web-url-path="/dcv/ws-00112233aabb"',
      'web-port=3390',
      'permissions-file="/etc/dcv/broch.perm"',
    ])
      expect(lines).toContain(line);
    expect(() => runPython("dcv['settings_for'](sys.argv[2])", 'ws-00112233aabb"\nauthentication="none')).toThrow();
  });

  it('keep one session of the workspace, for the researcher, and start it again when somebody has signed out', () => {
    const code = `
import json, types
codes, calls = [1, 0, 0, 1, 0], []
def run(command, **_):
    calls.append(command[1:])
    return types.SimpleNamespace(returncode=codes.pop(0) if command[1] == 'describe-session' else 0)
def wait(_):
    if not codes: raise SystemExit(print(json.dumps(calls)))
dcv['keep_session'].__globals__['read_metadata'] = lambda path: 'ws-00112233aabb'
dcv['keep_session'](run, wait)`;
    const calls = JSON.parse(runPython(code)) as string[][];
    expect(calls.map(([verb = '']) => verb[0]).join('')).toBe('dcdddcd');
    expect(calls[1]).toEqual([
      ...['create-session', '--type=virtual', '--owner=researcher', '--user=researcher'],
      ...['--permissions-file=/etc/dcv/broch.perm', '--init=/etc/xrdp/startwm.sh', 'ws-00112233aabb'],
    ]);
  });

  it('name a person to DCV in XML, whatever the name', () => {
    expect(runPython("sys.stdout.write(dcv['yes'](sys.argv[2]).decode())", '<a>&"b"</a>')).toBe(
      '<auth result="yes"><username>&lt;a&gt;&amp;"b"&lt;/a&gt;</username></auth>',
    );
  });

  it('give the owner the picture, the keyboard and the mouse, and nobody any other feature that DCV has', () => {
    const perm = readFileSync(join(imagesFolder, 'shared/linux/files/dcv.perm'), 'utf8');
    const rule = (start: string) =>
      perm
        .split('\n')
        .find(line => line.startsWith(start))
        ?.slice(start.length)
        .trim()
        .split(' ') ?? [];
    expect(rule('%owner% allow')).toEqual(['display', 'keyboard', 'mouse', 'pointer']);
    // https://docs.aws.amazon.com/dcv/latest/adminguide/security-authorization-file-create-permission.html
    const features = `audio-in audio-out clipboard-copy clipboard-paste display extensions-client extensions-server
      file-download file-upload gamepad keyboard keyboard-sas mouse pointer printer screenshot smartcard stylus touch
      unsupervised-access usb webcam`.split(/\s+/);
    expect([...rule('%owner% allow'), ...rule('%any% deny')].toSorted()).toEqual(features.toSorted());
  });
});
