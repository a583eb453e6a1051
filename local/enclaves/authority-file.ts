import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { type Holder, toPem } from './certificates.ts';
import { createAuthority, type TestAuthority } from './hypervisor.ts';

const StoredHolder = z.object({ name: z.string(), certificate: z.base64(), privateKey: z.string() });
const StoredAuthority = z.object({ root: StoredHolder, intermediates: z.array(StoredHolder) });

const store = ({ name, certificate, privateKey }: Holder): z.infer<typeof StoredHolder> => ({
  name,
  certificate: Buffer.from(certificate).toString('base64'),
  privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
});
const restore = ({ name, certificate, privateKey }: z.infer<typeof StoredHolder>): Holder => ({
  name,
  certificate: Buffer.from(certificate, 'base64'),
  privateKey: createPrivateKey(privateKey),
});

/** Makes the root of the embedded cloud's enclaves, and keeps it for the processes that play hypervisor and KMS. */
export function writeAuthority(file: string): { rootPem: string } {
  const { root, intermediates } = createAuthority(Date.now());
  const content = { root: store(root), intermediates: intermediates.map(store) };
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  return { rootPem: toPem(root.certificate) };
}

export function readAuthority(file: string): TestAuthority {
  const { root, intermediates } = StoredAuthority.parse(JSON.parse(readFileSync(file, 'utf8')));
  return { root: restore(root), intermediates: intermediates.map(restore) };
}
