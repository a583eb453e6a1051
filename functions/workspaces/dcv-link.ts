import { createHmac, randomBytes } from 'node:crypto';

/** Who opens which desktop until when. */
export interface DcvOpening {
  /** The id of the workspace, which is also the id of its session in Amazon DCV. */
  readonly workspace: string;
  readonly instance: string;
  readonly address: string;
  /** The id of the person, as in the tag `broch:owner` of the machine. */
  readonly person: string;
  /** The password that the desktop reported last. It signs the token, and never leaves Broch. */
  readonly password: string;
  /** In milliseconds. */
  readonly expires: number;
}

/**
 * The token that Amazon DCV hands to the verifier on the desktop (amis/shared/linux/broch-dcv.py): `<expires>.<nonce>.<person>.
 * <signature>`. The desktop's password signs it, so it opens this one machine, for its owner, and only until the password
 * changes: some seconds after each session begins.
 */
export function signDcvToken({ workspace, instance, person, password, expires }: DcvOpening, nonce: string): string {
  const content = `${expires}.${nonce}.${Buffer.from(person).toString('base64url')}`;
  const signature = createHmac('sha256', password).update(`broch-dcv-desktop\n${workspace}\n${instance}\n${content}`);
  return `${content}.${signature.digest('hex')}`;
}

/**
 * What the door of the gateway opens (amis/shared/linux/broch-dcv-door.py): where the desktop is, and its token. A key of
 * links signs it, so nobody else learns from the gateway whether a desktop is there.
 */
export function signDcvPass(opening: DcvOpening, key: string, token: string): string {
  if (!/^[0-9a-fA-F]{32}$/.test(key)) throw new Error("the gateway's key is not 32 hexadecimal digits");
  const { workspace, address, expires } = opening;
  const content = Buffer.from(JSON.stringify({ workspace, address, expires, token })).toString('base64url');
  const signature = createHmac('sha256', Buffer.from(key, 'hex')).update(`broch-dcv-door\n${content}`);
  return `${content}.${signature.digest('hex')}`;
}

/** A pass for each key that the gateway may have now. All carry the same token, which works once. */
export function mintDcvPasses(opening: DcvOpening, keys: readonly string[]): string[] {
  const token = signDcvToken(opening, randomBytes(16).toString('hex'));
  return keys.map(key => signDcvPass(opening, key, token));
}
