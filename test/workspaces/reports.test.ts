import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refused } from '../../functions/refused.ts';
import { explainLaunchFailure } from '../../functions/workspaces/reasons.ts';
import { MAX_REPORT_BYTES, parseReport, parseReportKey } from '../../functions/workspaces/reports.ts';
import type { Workspace } from '../../functions/workspaces/schemas.ts';

const role = 'AROAABCDEFGHIJKLMNOPQ';

describe('the reporter', () => {
  it.each([
    [`agents/${role}:i-0123456789abcdef0/ready.json`, 'i-0123456789abcdef0'],
    [`agents/${role}:i-01234567/ready.json`, 'i-01234567'],
  ])('is in the key: %s', (key, instance) => expect(parseReportKey(key)).toBe(instance));

  it.each([
    'agents/ready.json',
    `agents/${role}/ready.json`,
    `agents/${role}:rana/ready.json`,
    `agents/${role}:i-0123456789abcdef0/x/ready.json`,
    `agents/${role}:i-0123456789abcdef0/../${role}:i-0123456789abcdef1/ready.json`,
    `agents/x:${role}:i-0123456789abcdef0/ready.json`,
    `/agents/${role}:i-0123456789abcdef0/ready.json`,
    `agents/${role}:i-0123456789abcdef0/ready.json\n`,
    `agents/${role}:i-0123456789ABCDEF0/ready.json`,
    `agents/${role}:i-0123456789abcde/ready.json`,
    `agents/${role}%3Ai-0123456789abcdef0/ready.json`,
  ])('is nobody for %j', key => expect(() => parseReportKey(key)).toThrow(Refused));

  it('is not recognised in any other key', () => {
    fc.assert(
      fc.property(fc.string(), key => {
        expect(() => parseReportKey(key)).toThrow(Refused);
      }),
    );
  });
});

describe('a report', () => {
  const good = 'correct horse battery';

  it('has a password and a protocol', () => {
    expect(parseReport(JSON.stringify({ password: good }))).toEqual({ password: good, protocol: 'rdp' });
    expect(parseReport(JSON.stringify({ password: good, protocol: 'vnc' })).protocol).toBe('vnc');
  });

  it.each([
    '',
    'null',
    '[]',
    '"a password of good length"',
    '{}',
    JSON.stringify({ password: 'short' }),
    JSON.stringify({ password: 'x'.repeat(129) }),
    JSON.stringify({ password: 'line\nline line line' }),
    JSON.stringify({ password: 'ünïcödé ünïcödé' }),
    JSON.stringify({ password: 123456789012 }),
    JSON.stringify({ password: good, protocol: 'ssh' }),
    JSON.stringify({ password: good, instanceId: 'i-0123456789abcdef0' }),
    JSON.stringify({ password: good, hostname: '10.0.0.1' }),
    `{"password":"${good}"`,
  ])('is refused in any other form: %j', text => expect(() => parseReport(text)).toThrow(Refused));

  it('is refused when it is large, before it is read', () => {
    expect(() => parseReport(JSON.stringify({ password: good }) + ' '.repeat(MAX_REPORT_BYTES))).toThrow(/4096 bytes/);
  });

  it('is not quoted in its refusal', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9]{20,40}$/), secret => {
        for (const text of [secret, `{"password":"${secret}","${secret}":1}`, `{"password":["${secret}"]}`]) {
          try {
            parseReport(text);
            expect.unreachable();
          } catch (error) {
            const { message, details } = error as Refused;
            expect(JSON.stringify({ message, details })).not.toContain(secret);
          }
        }
      }),
    );
  });
});

describe('the reason of a failure', () => {
  const workspace = { kind: 'desktop', size: 'large' } as Workspace;
  const lambda = (errorMessage: string) => JSON.stringify({ errorMessage, trace: ['at /var/task/index.mjs'] });

  it.each([
    [
      'InsufficientInstanceCapacity',
      lambda('We currently do not have sufficient t3.large'),
      /no capacity for a large workspace of the kind desktop/,
    ],
    ['VcpuLimitExceeded', lambda('You have requested more vCPU'), /quota/],
    ['RequestLimitExceeded', lambda('Request limit exceeded.'), /few minutes/],
    ['InvalidAMIID.NotFound', lambda(''), /broch image list/],
    ['UnauthorizedOperation', lambda('You are not authorized'), /approval is gone/],
    ['States.Timeout', '', /did not report within 20 minutes/],
    ['Refused', lambda('Project asthma is failed; a workspace needs a ready project.'), /asthma is failed/],
    ['TypeError', lambda("Cannot read properties of undefined (reading 'secret')"), /TypeError/],
  ])('says what to do about %s', (error, cause, message) => {
    const reason = explainLaunchFailure({ error, cause }, workspace, 20);
    expect(reason).toMatch(message);
    expect(reason).not.toMatch(/trace|var\/task|secret|t3\.large/);
  });

  it('is a text for any error', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (error, cause) => {
        expect(explainLaunchFailure({ error, cause }, workspace, 20).length).toBeGreaterThan(20);
      }),
    );
  });
});
