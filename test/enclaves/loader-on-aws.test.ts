import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSite, runSite, shellArtefact } from './enclave-site.ts';

describe('the loader, as AWS runs it,', () => {
  it('reports the same size for one file of 1 byte and for three files of 1,000 bytes', async () => {
    const scripts = [
      'printf 1 > $BROCH_OUTPUTS/a',
      'for name in a b c; do head -c 1000 /dev/zero > $BROCH_OUTPUTS/$name; done',
    ];
    const sizes = [];
    for (const script of scripts) {
      const { result, outputs } = await runSite(await createSite(shellArtefact(script)));
      sizes.push([JSON.parse(result ?? '{}').result?.outputs.packed, outputs?.length]);
    }
    expect(sizes[0]?.[0]).toBeGreaterThan(65_536);
    expect(sizes[1]).toEqual(sizes[0]);
  });

  it('gets a key for the outputs even after hours, with a new attestation and new credentials', async () => {
    const long = await createSite();
    let [time, calls] = [Date.now(), 0];
    const clock = () => time;
    const credentials = { accessKeyId: 'ASIANEXT', secretAccessKey: 'secret', sessionToken: 'token' };
    const { failure, outputs } = await runSite(
      long,
      { identity: { ...long.identity, clock } },
      {
        clock,
        onKmsCall(_, parentFolder) {
          if (++calls !== 2) return;
          // Both keys for inputs are there. The artefact runs now.
          time += 2 * 3600_000;
          long.kms.roles.set(credentials.accessKeyId, long.kms.roles.get('ASIAPARENT') ?? '');
          long.kms.roles.delete('ASIAPARENT');
          const session = JSON.stringify({ ...long.start.session, credentials });
          writeFileSync(join(parentFolder, 'session'), session);
        },
      },
    );
    expect(failure).toBeUndefined();
    expect([calls, outputs !== undefined]).toEqual([3, true]);
  });

  it('works in a folder from which programs may start: the init of enclaves mounts /run and /tmp without that right', () => {
    const source = readFileSync(join(import.meta.dirname, '../../enclave/loader/main.go'), 'utf8');
    const [, folder = ''] = /flag\.String\("folder", "([^"]+)"/.exec(source) ?? [];
    expect(folder).toMatch(/^\/(?!run|tmp|dev|proc|sys)[a-z]+$/);
  });
});
