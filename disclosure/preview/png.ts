import { crc32, deflateSync } from 'node:zlib';

/** A picture as nothing but pixels: four bytes each (red, green, blue, opacity), row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** What makes the picture. Texts, profiles, times, animations and all that anybody invented are not needed for it. */
const needed = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

export const isPng = (bytes: Uint8Array): boolean => signature.equals(bytes.subarray(0, 8));

/** The chunks of a PNG file that make its picture, and how many bytes of it do not. */
export function extractPngImage(bytes: Uint8Array): { png: Buffer; width: number; height: number; beside: number } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept: Buffer[] = [signature];
  let [at, ended, beside] = [8, false, 0];
  while (!ended) {
    if (at + 12 > file.length) throw new Error('it is cut short');
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (at + 12 + length > file.length) throw new Error('it is cut short');
    if (at === 8 && (type !== 'IHDR' || length !== 13)) throw new Error('it does not begin as a PNG does');
    if (needed.has(type)) kept.push(file.subarray(at, at + 12 + length));
    else beside += 12 + length;
    ended = type === 'IEND';
    at += 12 + length;
  }
  const png = Buffer.concat(kept);
  return { png, width: png.readUInt32BE(16), height: png.readUInt32BE(20), beside: beside + file.length - at };
}

function chunk(type: string, data: Buffer): Buffer {
  const made = Buffer.alloc(12 + data.length);
  made.writeUInt32BE(data.length, 0);
  made.write(type, 4, 'latin1');
  data.copy(made, 8);
  made.writeUInt32BE(crc32(made.subarray(4, 8 + data.length)), 8 + data.length);
  return made;
}

/** A new PNG file of pixels: three chunks, and nothing from anywhere else. */
export function encodePng({ width, height, data }: Pixels): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a sample, red, green, blue and opacity.
  header.set([8, 6, 0, 0, 0], 8);
  const stride = width * 4;
  const rows = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const [to, from] = [y * (stride + 1), y * stride];
    // Each byte as its difference to the one above: pictures shrink by a good deal more so.
    rows[to] = y === 0 ? 0 : 2;
    for (let x = 0; x < stride; x++)
      rows[to + 1 + x] = (data[from + x] ?? 0) - (y === 0 ? 0 : (data[from - stride + x] ?? 0));
  }
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The picture `by` times smaller: each pixel the mean of a square, weighed by opacity. */
export function shrinkPixels({ width, height, data }: Pixels, by: number): Pixels {
  const [w, h] = [Math.ceil(width / by), Math.ceil(height / by)];
  const out = new Uint8Array(w * h * 4);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const sum = [0, 0, 0, 0];
      let count = 0;
      for (let v = y * by; v < Math.min(height, (y + 1) * by); v++)
        for (let u = x * by; u < Math.min(width, (x + 1) * by); u++) {
          const at = (v * width + u) * 4;
          const alpha = data[at + 3] ?? 0;
          for (let c = 0; c < 3; c++) sum[c] = (sum[c] ?? 0) + (data[at + c] ?? 0) * alpha;
          sum[3] = (sum[3] ?? 0) + alpha;
          count++;
        }
      const to = (y * w + x) * 4;
      const weight = Math.max(1, sum[3] ?? 0);
      for (let c = 0; c < 3; c++) out[to + c] = Math.round((sum[c] ?? 0) / weight);
      out[to + 3] = Math.round((sum[3] ?? 0) / count);
    }
  return { width: w, height: h, data: out };
}
