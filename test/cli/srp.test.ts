import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSrpTimestamp, startSrpExchange } from '../../bin/cli/srp.ts';
import { sha256 } from '../../functions/hash.ts';

// Made once with cognito-srp-helper 2.3.4, another implementation of the same exchange.
const vector = {
  pool: 'eu-west-2_AbCdEf123',
  password: 'correct horse Battery 1!',
  secret: BigInt(
    '0x' +
      '934aece4450a1a79355ab98d19d7a635f9af6b5797ff4fa5d76d41cfb0421dc0c4529fc916088039783913ac4b2a6cacb6c9' +
      '3334239287a3950d6bd8883fd0e9ba6be7c7d617a7865ccab87ea22c10e515eb2298081fd61fb81a921f14eae0f246dd1327' +
      '861fec2fbe259c9b84d1e9d0ac75f7dafd2fe88ae06862e4377f60f9',
  ),
  publicSha256: 'b73a198d7b4ddfde3216951a63a7f7a5c2902a549b24d56b489fae4990ce49f7',
  challenge: {
    user: '7c9e-sub',
    salt: '8f00deadbeef00112233445566778899',
    secretBlock: 'YSBzZWNyZXQgYmxvY2s=',
    serverPublic:
      'ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95' +
      '19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb' +
      '5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3' +
      'ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603' +
      '9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aaac42dad33' +
      '170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e0' +
      '4a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad9' +
      '46e208e24fa074e5ab3131a705845051429f394e7aa8188f04dbedcba9876f543210',
  },
  at: new Date('2026-11-21T01:37:15Z'),
  stamp: 'Sat Nov 21 01:37:15 UTC 2026',
  signature: 'EmbCdIL4raOhE9CO3lnnWcuczjyMAb48uV/tmgnOkRY=',
};

describe('the password exchange', () => {
  it('gives the same result as other clients of the service', () => {
    const { publicValue, prove } = startSrpExchange(vector.pool, vector.secret);
    expect(sha256(publicValue)).toBe(vector.publicSha256);
    expect(prove(vector.challenge, vector.password, vector.at)).toEqual({
      signature: vector.signature,
      stamp: vector.stamp,
    });
  });
  it('gives another proof for another password, person, salt, block or time', () => {
    const prove = (change: object, password = vector.password, date = vector.at) =>
      startSrpExchange(vector.pool, vector.secret).prove({ ...vector.challenge, ...change }, password, date).signature;
    const proofs = [
      prove({}),
      prove({}, 'another'),
      prove({ user: 'x' }),
      prove({ salt: '01' }),
      prove({ secretBlock: 'AA==' }),
      prove({}, vector.password, new Date(0)),
    ];
    expect(new Set(proofs).size).toBe(proofs.length);
  });
  it('refuses a value that would reveal the secret', () => {
    const { prove } = startSrpExchange(vector.pool, vector.secret);
    expect(() => prove({ ...vector.challenge, serverPublic: '0' }, vector.password, vector.at)).toThrow(
      /no honest service/,
    );
  });
  it('is different each time', () => {
    expect(startSrpExchange(vector.pool).publicValue).not.toBe(startSrpExchange(vector.pool).publicValue);
  });
});

describe('its timestamp', () => {
  it('has the format of the service for any time', () => {
    const form =
      /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [1-9]\d? \d\d:\d\d:\d\d UTC \d{4}$/;
    const times = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(times, date => {
        expect(formatSrpTimestamp(date)).toMatch(form);
        expect(Date.parse(formatSrpTimestamp(date))).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });
});
