import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toPem } from '../../local/enclaves/certificates.ts';
import { authority, documentOf, fields, payloadWith } from '../../local/enclaves/sample-documents.ts';
import { makeTestFolder, runBroch } from '../cli/harness.ts';

function testFiles() {
  const folder = makeTestFolder();
  const [document, root] = [join(folder, 'document.bin'), join(folder, 'root.pem')];
  writeFileSync(document, documentOf());
  writeFileSync(root, toPem(authority.root.certificate));
  return { folder, document, root };
}

describe('broch enclave verify', () => {
  it('accepts a document with the root, the measurement and the nonce that were expected', async () => {
    const { document, root } = testFiles();
    const expectations = ['--pcr', `0=${'01'.repeat(48)}`, '--nonce', '09'.repeat(32), '--user-data', '08'.repeat(48)];
    const { code, output } = await runBroch(['enclave', 'verify', document, '--root', root, ...expectations, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      ok: true,
      reason: expect.any(String),
      pcrs: { 0: '01'.repeat(48) },
      moduleId: fields.moduleId,
      at: '2026-11-28T12:00:00.000Z',
    });
  });

  it.each([
    ['a root that was not given', [], /root certificate/],
    ['another measurement', ['--pcr', `0=${'02'.repeat(48)}`], /PCR0/],
    ['another nonce', ['--nonce', '00'], /nonce/],
    ['other user data', ['--user-data', '00'], /user_data/],
    ['a time after its certificates', ['--at', '2030-01-01T00:00:00Z'], /not valid after/],
    ['too great an age', ['--at', '2026-11-28T12:02:00Z', '--max-age', '60'], /older/],
  ])('rejects a document for %s, with its reason and exit code 3', async (_, flags, reason) => {
    const { document, root } = testFiles();
    const trust = flags.length > 0 ? ['--root', root] : [];
    const { code, output } = await runBroch(['enclave', 'verify', document, ...trust, ...flags]);
    expect(output).toMatch(/^Rejected: /);
    expect(output).toMatch(reason);
    expect(code).toBe(3);
  });

  it('accepts a debug enclave only with --allow-debug', async () => {
    const { folder, root } = testFiles();
    const debug = join(folder, 'debug.bin');
    const zero = new Uint8Array(48);
    writeFileSync(debug, documentOf(payloadWith({ pcrs: new Map([0, 1, 2].map(index => [index, zero])) })));
    expect((await runBroch(['enclave', 'verify', debug, '--root', root])).output).toMatch(/debug mode/);
    expect((await runBroch(['enclave', 'verify', debug, '--root', root, '--allow-debug'])).code).toBe(0);
  });

  it.each([
    ['--pcr', '32=00'],
    ['--pcr', '0=0'],
    ['--nonce', 'xyz'],
    ['--at', 'yesterday'],
    ['--root', '/nonexistent/root.pem'],
  ])('does not take %s %s', async (flag, value) => {
    const { document } = testFiles();
    const { code, err } = await runBroch(['enclave', 'verify', document, flag, value]);
    expect(err).toContain(flag);
    expect(code).toBe(2);
  });

  it('says which file it cannot read', async () => {
    const { code, err } = await runBroch(['enclave', 'verify', '/nonexistent/document.bin']);
    expect(err).toContain('/nonexistent/document.bin');
    expect(code).toBe(2);
  });
});
