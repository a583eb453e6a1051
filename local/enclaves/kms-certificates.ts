import { issueCertificate, toPem } from './certificates.ts';

/** A certificate for KMS under a root of its own, which takes the place of the roots in the loader's image. */
export function issueKmsCertificates(region: string): { root: string; tls: { key: string; cert: string } } {
  const now = Date.now();
  const lifetime = { notBefore: now - 60_000, notAfter: now + 24 * 3600_000 };
  const root = issueCertificate({ ...lifetime, name: 'broch embedded TLS', isAuthority: true });
  // The loader knows only the name of KMS; the parties' clients come to this machine.
  const dnsNames = [`kms.${region}.amazonaws.com`, 'localhost'];
  const leaf = issueCertificate({ ...lifetime, name: 'kms', isAuthority: false, dnsNames }, root);
  const key = leaf.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { root: toPem(root.certificate), tls: { key, cert: toPem(leaf.certificate) } };
}
