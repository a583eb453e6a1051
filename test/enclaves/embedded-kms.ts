import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { KeyPolicy } from '../../functions/enclaves/key-policy.ts';
import type { KeyGrant } from '../../local/enclaves/key-authorization.ts';
import type { KeyUpstream } from '../../local/enclaves/kms-front.ts';

/** A KMS in memory behind the front: keys, their policies and grants. The cloud test has the emulator's in its place. */
export class MemoryKms implements KeyUpstream {
  readonly keys = new Map<string, { secret: Uint8Array; policy: KeyPolicy; grants: KeyGrant[] }>();
  /** The role of each access key. */
  readonly roles = new Map<string, string>();

  addKey(arn: string, policy: KeyPolicy): void {
    this.keys.set(arn, { secret: randomBytes(32), policy, grants: [] });
  }

  #key(arn: string) {
    const key = this.keys.get(arn);
    if (!key) throw new Error(`there is no key ${arn}`);
    return key;
  }

  policy = async (arn: string) => this.#key(arn).policy;
  grants = async (arn: string) => this.#key(arn).grants;

  wrap(arn: string, plaintext: Uint8Array, context: Record<string, string>): Uint8Array {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key(arn).secret, nonce).setAAD(contextDigest(context));
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  async decrypt(arn: string, ciphertext: Uint8Array, context: Record<string, string>): Promise<Uint8Array> {
    const decipher = createDecipheriv('aes-256-gcm', this.#key(arn).secret, ciphertext.subarray(0, 12));
    decipher.setAAD(contextDigest(context)).setAuthTag(ciphertext.subarray(-16));
    return Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()]);
  }

  encrypt = async (arn: string, plaintext: Uint8Array, context: Record<string, string>) =>
    this.wrap(arn, plaintext, context);

  async generate(arn: string, context: Record<string, string>) {
    const plaintext = randomBytes(32);
    return { plaintext, ciphertext: this.wrap(arn, plaintext, context) };
  }

  async caller({ headers }: { headers: Record<string, string> }): Promise<string | undefined> {
    return this.roles.get(/Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '');
  }
}

const contextDigest = (context: Record<string, string>) =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(context).toSorted()))
    .digest();
