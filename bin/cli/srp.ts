import { createHash, createHmac, randomBytes } from 'node:crypto';

// The password step of Cognito's sign-in: Secure Remote Password 6a, as in Cognito's own clients. It proves knowledge of
// the password without sending it. Group: the 3072-bit prime of RFC 3526 with generator 2.
const prime = BigInt(
  '0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B' +
    '302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6' +
    '49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D' +
    '670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718' +
    '3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7D' +
    'B3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C' +
    'BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF',
);
const generator = 2n;

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % prime];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

/** Big-endian, with a leading zero byte when the highest bit is set, as Cognito hashes numbers. */
function bytes(value: bigint): Buffer {
  const hex = value.toString(16);
  const digits = hex.length % 2 ? `0${hex}` : hex;
  return Buffer.from(Number.parseInt(digits.slice(0, 2), 16) > 0x7f ? `00${digits}` : digits, 'hex');
}

const sha256 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const number = (buffer: Buffer): bigint => BigInt(`0x${buffer.toString('hex')}`);
const multiplier = number(sha256(bytes(prime), bytes(generator)));

/** The service's answer to the first message. */
export interface SrpChallenge {
  readonly salt: string;
  readonly serverPublic: string;
  readonly secretBlock: string;
  /** The user's name at the service, which may differ from the name that was entered. */
  readonly user: string;
}

/** The date format of Cognito, always in UTC: `Sat Nov 7 09:05:00 UTC 2026`. */
export function formatSrpTimestamp(date: Date): string {
  const [weekday, day, month, year, time] = date.toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${Number(day)} ${time} UTC ${year}`;
}

/** One sign-in. Only tests pass `secret`. RFC 5054 (section 3.1) asks for at least 256 bits; more would only take longer. */
export function startSrpExchange(pool: string, secret: bigint = number(randomBytes(32))) {
  const clientPublic = power(generator, secret);
  const poolName = pool.split('_')[1] ?? '';
  return {
    publicValue: clientPublic.toString(16),
    /** The proof for PASSWORD_VERIFIER. */
    prove({ salt, serverPublic, secretBlock, user }: SrpChallenge, password: string, date: Date) {
      const serverValue = BigInt(`0x${serverPublic}`);
      if (serverValue % prime === 0n) throw new Error('the service sent a value that no honest service sends');
      const scramble = number(sha256(bytes(clientPublic), bytes(serverValue)));
      if (scramble === 0n) throw new Error('the service sent a value that no honest service sends');
      const identity = sha256(`${poolName}${user}:${password}`);
      const x = number(sha256(bytes(BigInt(`0x${salt}`)), identity));
      const base = (serverValue - ((multiplier * power(generator, x)) % prime) + prime) % prime;
      const shared = power(base, secret + scramble * x);
      const pseudorandomKey = createHmac('sha256', bytes(scramble)).update(bytes(shared)).digest();
      const key = createHmac('sha256', pseudorandomKey).update('Caldera Derived Key\x01').digest().subarray(0, 16);
      const stamp = formatSrpTimestamp(date);
      const signature = createHmac('sha256', key)
        .update(poolName + user)
        .update(Buffer.from(secretBlock, 'base64'))
        .update(stamp)
        .digest('base64');
      return { signature, stamp };
    },
  };
}
