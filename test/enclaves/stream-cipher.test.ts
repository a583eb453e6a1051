import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decryptStream,
  encryptStream,
  HEADER_BYTES,
  newStreamHeader,
} from '../../functions/enclaves/pack/stream-cipher.ts';
import { sampleRuns } from '../trials.ts';

const key = Uint8Array.from({ length: 32 }, (_, index) => index);
const format = { segmentBytes: 4096, context: Buffer.from('broch') };
const plaintext = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + 3) & 255);

async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}
async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}
const encrypt = (bytes: Uint8Array, header?: Uint8Array) =>
  collect(encryptStream(chunksOf(bytes), key, format, header));
const decrypt = (bytes: Uint8Array, change: { key?: Uint8Array; context?: Uint8Array } = {}) =>
  collect(decryptStream(chunksOf(bytes, 777), change.key ?? key, { ...format, ...change }));

/** Made with Tink 1.x for Python (AES256_GCM_HKDF, segments of 4,096 bytes) from the same key, context and plaintexts. */
const vectors = [
  {
    bytes: 0,
    header: '28b929eb40793c55d8e524d7e441890c0f82a83de5ed997f787c160432b8be3cc624248e1ee7f989',
    sha256: '3c057ecfdea29b89639dbf9e5079ae61d1be12f23af8f7ce02ebab898f4d5161',
    length: 56,
  },
  {
    bytes: 1,
    header: '2886b62215c6a00244af78ba5d6143e9d84122ed41608ba353b94a0f14659ac3742638ec89900870',
    sha256: '649eef5c8d37ddefb8dddeb6af1a8f2080a9dc8a3b0db32acbf911c3952628ba',
    length: 57,
  },
  {
    bytes: 4040,
    header: '289cae0dce88ff5e88764540d18c8f73bbc917f6f362a41dc923ad7cdbdb7ec17cd3a80759679832',
    sha256: '8bb16d3c8157b0f752e8147477fedb169f5a8ad1d7d50b2aaea3256e8add637c',
    length: 4096,
  },
  {
    bytes: 4041,
    header: '286e9c74ba43b9daf938e8971ba6db55de28de366bc105b25255be979754a9264619edf054865bc2',
    sha256: 'fcad83c617b3beea7e1dbcde669812374b6d59bdd31167855fb04c47075d313a',
    length: 4113,
  },
  {
    bytes: 8120,
    header: '28198a875ecfb0a9dbc2982a4de44c54e9e0386341d423cfa4d9bd7d0ca55d8cdecbddf32031be0e',
    sha256: '125789e7f5071c4fdc81fc231e59191b4ae1eddb46a49cb5283c28b9c25fc4fa',
    length: 8192,
  },
  {
    bytes: 8121,
    header: '28be2872583534a958fd4bad6c0a3831e21b46fb37885286518b20323d3cb03525ef932d4bfd3bbf',
    sha256: '2faf6ef0811687d4e0b65e0ec58444cdbd2310f0a6f265324c45b625146dad43',
    length: 8209,
  },
  {
    bytes: 20000,
    header: '28a078fe5b933d4e653e29026565bf1a3ad0d74f580341516d4b9c0ac870e086b394196c9549d7e7',
    sha256: '2685594c39e7c6297203bbc0f88bbecc91e3512172a09826c12604c2a4576d10',
    length: 20120,
  },
];

describe('known answers of Tink', () => {
  it.each(vectors)('$bytes bytes are encrypted to the same stream', async ({ bytes, header, sha256, length }) => {
    const stream = await encrypt(plaintext(bytes), Buffer.from(header, 'hex'));
    expect(stream.length).toBe(length);
    expect(createHash('sha256').update(stream).digest('hex')).toBe(sha256);
    expect(await decrypt(stream)).toEqual(Buffer.from(plaintext(bytes)));
  });
});

describe('a stream that was changed', () => {
  const text = plaintext(3 * 4096);
  const segments = (stream: Buffer) =>
    Array.from({ length: Math.ceil(stream.length / 4096) }, (_, index) =>
      stream.subarray(index * 4096, (index + 1) * 4096),
    );

  it.each<[string, (stream: Buffer) => Buffer]>([
    ['cut at the end of a segment', stream => stream.subarray(0, 2 * 4096)],
    ['cut within a segment', stream => stream.subarray(0, -1)],
    ['cut to its header', stream => stream.subarray(0, HEADER_BYTES)],
    ['empty', stream => stream.subarray(0, 0)],
    ['continued', stream => Buffer.concat([stream, stream.subarray(-100)])],
    [
      'in another order',
      stream => {
        const [first, second, third, ...rest] = segments(stream);
        return Buffer.concat([first, third, second, ...rest].filter(part => part !== undefined));
      },
    ],
    [
      'with a segment twice',
      stream => {
        const [first, second, ...rest] = segments(stream);
        return Buffer.concat([first, second, second, ...rest].filter(part => part !== undefined));
      },
    ],
    [
      'without a segment',
      stream => {
        const [first, , ...rest] = segments(stream);
        return Buffer.concat([first, ...rest].filter(part => part !== undefined));
      },
    ],
  ])('%s cannot be decrypted', async (_, change) => {
    await expect(decrypt(change(await encrypt(text)))).rejects.toThrow(/stream|Segment/);
  });

  it('spliced with another of the same key cannot be decrypted', async () => {
    const [first, second] = [await encrypt(text), await encrypt(text)];
    await expect(decrypt(Buffer.concat([first.subarray(0, 4096), second.subarray(4096)]))).rejects.toThrow(/Segment 2/);
  });

  it('cannot be decrypted with another key or context', async () => {
    const stream = await encrypt(text);
    await expect(decrypt(stream, { key: randomBytes(32) })).rejects.toThrow(/Segment 1/);
    await expect(decrypt(stream, { context: Buffer.from('other') })).rejects.toThrow(/Segment 1/);
  });

  it('in any single bit cannot be decrypted', async () => {
    const stream = await encrypt(plaintext(5000));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: stream.length * 8 - 1 }), async bit => {
        const copy = Buffer.from(stream);
        copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
        await expect(decrypt(copy)).rejects.toThrow();
      }),
      { numRuns: sampleRuns(200) },
    );
  });
});

it('whatever its length and pieces, a stream is decrypted to the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 13_000 }), fc.integer({ min: 1, max: 9000 }), async (length, size) => {
      const stream = await collect(encryptStream(chunksOf(plaintext(length), size), key, format));
      expect(await decrypt(stream)).toEqual(Buffer.from(plaintext(length)));
    }),
    { numRuns: sampleRuns(100) },
  );
});

it('no two streams have the same salt and nonce prefix', () => {
  const headers = Array.from({ length: 10_000 }, () => Buffer.from(newStreamHeader()).toString('hex'));
  expect(new Set(headers).size).toBe(headers.length);
});
