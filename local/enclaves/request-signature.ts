import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A session that may sign requests. */
export interface SigningSession {
  readonly secretAccessKey: string;
  /** The role or user that it belongs to. */
  readonly principal: string;
}

const hmac = (key: string | Uint8Array, text: string) => createHmac('sha256', key).update(text).digest();
const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

const form =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8}\/[^/]+\/kms\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/** Whose Signature Version 4 a request to KMS has; undefined if it is not valid. */
export function verifyRequestSignature(
  { headers, body }: { headers: Readonly<Record<string, string>>; body: string },
  sessions: ReadonlyMap<string, SigningSession>,
): string | undefined {
  const [, accessKey = '', scope = '', names = '', signature = ''] = form.exec(headers.authorization ?? '') ?? [];
  const session = sessions.get(accessKey);
  if (!session) return undefined;
  const lines = names.split(';').map(name => `${name}:${(headers[name] ?? '').trim()}\n`);
  const canonical = ['POST', '/', '', lines.join(''), names, sha256Of(body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'] ?? '', scope, sha256Of(canonical)].join('\n');
  const key = scope.split('/').reduce<Uint8Array | string>(hmac, `AWS4${session.secretAccessKey}`);
  const expectation = Buffer.from(hmac(key, text));
  return timingSafeEqual(expectation, Buffer.from(signature, 'hex')) ? session.principal : undefined;
}
