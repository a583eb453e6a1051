import { createHash, createPublicKey } from 'node:crypto';
import { Refused } from '../refused.ts';
import type { SshKey } from './partner-schemas.ts';

/** The fields of a key in the format of SSH: each follows its length. Undefined if a length does not fit the bytes. */
function splitFields(bytes: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return fields;
}

/** The curves for ECDSA: the name of each in JSON Web Keys, and the bytes of a coordinate. */
const curves: Readonly<Record<string, { crv: string; bytes: number }>> = {
  nistp256: { crv: 'P-256', bytes: 32 },
  nistp384: { crv: 'P-384', bytes: 48 },
  nistp521: { crv: 'P-521', bytes: 66 },
};

/** Whether the point is on the curve. Node throws if it is not. */
function isOnCurve(point: Buffer, { crv, bytes }: { crv: string; bytes: number }): boolean {
  if (point.length !== 1 + 2 * bytes || point[0] !== 4) return false;
  const coordinate = (start: number) => point.subarray(start, start + bytes).toString('base64url');
  try {
    createPublicKey({ key: { kty: 'EC', crv, x: coordinate(1), y: coordinate(1 + bytes) }, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

/** The number of bits of an RSA modulus. Its first byte can be zero, because SSH writes signed numbers. */
const countBits = (modulus: Buffer): number => BigInt(`0x${modulus.toString('hex') || '0'}`).toString(2).length;

const rsaBits = { least: 3072, most: 8192 } as const;

/** Why the parts of a key are not accepted. Every kind of key that is not named here is refused. */
function keyProblem(type: string, [, ...fields]: readonly Buffer[]): string | undefined {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = fields;
  if (type === 'ssh-ed25519')
    return fields.length === 1 && first.length === 32 ? undefined : 'it is damaged. Copy the whole line';
  const curve = curves[type.replace('ecdsa-sha2-', '')];
  if (type.startsWith('ecdsa-sha2-') && curve)
    return fields.length === 2 && first.toString() === type.replace('ecdsa-sha2-', '') && isOnCurve(second, curve)
      ? undefined
      : 'it is damaged. Copy the whole line';
  if (type === 'ssh-rsa') {
    if (fields.length !== 2) return 'it is damaged. Copy the whole line';
    const bits = countBits(second);
    return bits >= rsaBits.least && bits <= rsaBits.most
      ? undefined
      : `its RSA modulus has ${bits} bits. It needs ${rsaBits.least} to ${rsaBits.most}, or use ssh-ed25519`;
  }
  return `keys of the kind ${type} are not accepted. Use ssh-ed25519, ecdsa-sha2-nistp256, -nistp384 or -nistp521, or ssh-rsa`;
}

/** Reads a public key as OpenSSH writes it into a `.pub` file. Refuses every other text, and weak keys. */
export function readSshKey(text: string): SshKey {
  const [type = '', body = '', ...comment] = text.trim().split(/[ \t]+/);
  const refuse = (problem: string) =>
    new Refused('conflict', `The key ${text.trim().slice(0, 60)} is refused: ${problem}.`);
  if (/PRIVATE KEY/.test(text))
    throw new Refused(
      'conflict',
      'This is a private key. Keep it secret, and give the public key: the line in the file that ends in .pub.',
    );
  if (/[\r\n]/.test(text.trim())) throw refuse('it has more than one line. Give each key by itself');
  const bytes = Buffer.from(body, 'base64');
  const fields = splitFields(bytes);
  // Node skips characters that are not Base64, so the bytes are encoded again and compared with the text.
  const isExact = bytes.toString('base64').replace(/=+$/, '') === body.replace(/=+$/, '');
  if (!fields || !isExact || fields[0]?.toString() !== type || type === '')
    throw refuse('it is not a public key of OpenSSH. Give a line such as: ssh-ed25519 AAAA… name');
  const problem = keyProblem(type, fields);
  if (problem !== undefined) throw refuse(problem);
  return {
    key: `${type} ${body}`,
    fingerprint: `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`,
    ...(comment.length > 0 && { comment: comment.join(' ').slice(0, 100) }),
  };
}
