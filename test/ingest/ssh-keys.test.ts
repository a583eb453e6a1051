import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSshKey } from '../../functions/ingest/ssh-keys.ts';

/** Fields in the format of SSH: each has its length before it. */
const toFields = (...fields: (string | Buffer)[]): Buffer =>
  Buffer.concat(
    fields.flatMap(field => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(field));
      return [length, Buffer.from(field)];
    }),
  );
const toLine = (type: string, ...fields: (string | Buffer)[]) =>
  `${type} ${toFields(type, ...fields).toString('base64')}`;

function rsaLine(modulusLength: number): string {
  const { n: modulusText = '', e: exponent = '' } = generateKeyPairSync('rsa', { modulusLength }).publicKey.export({
    format: 'jwk',
  });
  // A number whose first bit is set has a zero byte before it.
  const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(modulusText, 'base64url')]);
  return toLine('ssh-rsa', Buffer.from(exponent, 'base64url'), modulus);
}

function ecLine(namedCurve: string, name: string, change: (point: Buffer) => Buffer = point => point): string {
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return toLine(`ecdsa-sha2-${name}`, name, change(point));
}

const ed25519 = toLine('ssh-ed25519', Buffer.alloc(32, 7));

describe('a public key', () => {
  it('gets the fingerprint that ssh-keygen prints', () => {
    // Made and named by OpenSSH 9.2.
    const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f petra at tayside';
    expect(readSshKey(`  ${line}\n`)).toEqual({
      key: line.split(' ').slice(0, 2).join(' '),
      fingerprint: 'SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA',
      comment: 'petra at tayside',
    });
  });

  it.each([
    ['Ed25519', ed25519],
    ['RSA with 3072 bits', rsaLine(3072)],
    ['P-256', ecLine('P-256', 'nistp256')],
    ['P-384', ecLine('P-384', 'nistp384')],
    ['P-521', ecLine('P-521', 'nistp521')],
  ])('is accepted: %s', (_, line) => {
    expect(readSshKey(line).key).toBe(line);
  });

  it.each([
    ['RSA with 2048 bits', rsaLine(2048), /has 2048 bits/],
    [
      'a small modulus behind many zeros',
      toLine('ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(400, 0)),
      /has 1 bits/,
    ],
    ['DSA', toLine('ssh-dss', Buffer.alloc(128, 1)), /kind ssh-dss are not accepted/],
    ['a key on a token', toLine('sk-ssh-ed25519@openssh.com', Buffer.alloc(32), 'ssh:'), /are not accepted/],
    ['a certificate', toLine('ssh-ed25519-cert-v01@openssh.com', Buffer.alloc(32)), /are not accepted/],
    ['another curve', ecLine('secp256k1', 'nistp256'), /damaged/],
    ['a point beside the curve', ecLine('P-256', 'nistp256', point => point.fill(9, 40)), /damaged/],
    ['the name of another curve', toLine('ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(65, 4)), /damaged/],
    ['a short key', toLine('ssh-ed25519', Buffer.alloc(31)), /damaged/],
    ['something after the key', toLine('ssh-ed25519', Buffer.alloc(32), 'x'), /damaged/],
    ['another type before it', ed25519.replace('ssh-ed25519', 'ssh-rsa'), /not a public key/],
    ['an option before it', `command="sh" ${ed25519}`, /not a public key/],
    ['two lines', `${ed25519}\n${ed25519}`, /more than one line/],
    ['half of it', ed25519.slice(0, -20), /not a public key/],
    ['characters that are no base64', `${ed25519.slice(0, 30)}!${ed25519.slice(30)}`, /not a public key/],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\nabc', /private key/],
    ['nothing', ' ', /not a public key/],
  ])('is refused: %s', (_, line, reason) => {
    expect(() => readSshKey(line)).toThrow(reason);
  });

  it('of random text is read or refused, and nothing else is thrown', () => {
    const anyFields = fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 4 });
    const anyType = fc.constantFrom('ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'constructor');
    fc.assert(
      fc.property(anyType, anyFields, fc.string(), (type, fields, text) => {
        for (const line of [text, toLine(type, ...fields.map(field => Buffer.from(field)))]) {
          try {
            expect(readSshKey(line).key).toContain(' ');
          } catch (error) {
            expect(error).toMatchObject({ name: 'Refused' });
          }
        }
      }),
    );
  });
});
