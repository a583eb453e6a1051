import { crc32, deflateSync } from 'node:zlib';

/** A picture as nothing but pixels: four bytes each (red, green, blue, opacity), row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** What makes the picture. Texts, profiles, times, animations and all that anybody invented are not needed for it. */
const essentialChunks = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

export const isPng = (bytes: Uint8Array): boolean => signature.equals(bytes.subarray(0, 8));

/** The chunks of a PNG file that make its picture, and how many bytes of it do not. */
export function extractPngImage(bytes: Uint8Array): {
  png: Buffer;
  width: number;
  height: number;
  surplusBytes: number;
} {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Buffer[] = [signature];
  let [offset, isEnded, surplusBytes] = [8, false, 0];
  while (!isEnded) {
    if (offset + 12 > file.length) throw new Error('it is cut short');
    const length = file.readUInt32BE(offset);
    const type = file.toString('latin1', offset + 4, offset + 8);
    if (offset + 12 + length > file.length) throw new Error('it is cut short');
    if (offset === 8 && (type !== 'IHDR' || length !== 13)) throw new Error('it does not begin as a PNG does');
    if (essentialChunks.has(type)) chunks.push(file.subarray(offset, offset + 12 + length));
    else surplusBytes += 12 + length;
    isEnded = type === 'IEND';
    offset += 12 + length;
  }
  const png = Buffer.concat(chunks);
  return {
    png,
    width: png.readUInt32BE(16),
    height: png.readUInt32BE(20),
    surplusBytes: surplusBytes + file.length - offset,
  };
}

function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
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
    const [rowStart, dataStart] = [y * (stride + 1), y * stride];
    // Each byte as its difference to the one above: pictures shrink by a good deal more so.
    rows[rowStart] = y === 0 ? 0 : 2;
    for (let x = 0; x < stride; x++)
      rows[rowStart + 1 + x] = (data[dataStart + x] ?? 0) - (y === 0 ? 0 : (data[dataStart - stride + x] ?? 0));
  }
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The picture `divisor` times smaller: each pixel the mean of a square, weighed by opacity. */
export function shrinkPixels({ width, height, data }: Pixels, divisor: number): Pixels {
  const [newWidth, newHeight] = [Math.ceil(width / divisor), Math.ceil(height / divisor)];
  const pixels = new Uint8Array(newWidth * newHeight * 4);
  for (let y = 0; y < newHeight; y++)
    for (let x = 0; x < newWidth; x++) {
      const sum = [0, 0, 0, 0];
      let count = 0;
      for (let sourceY = y * divisor; sourceY < Math.min(height, (y + 1) * divisor); sourceY++)
        for (let sourceX = x * divisor; sourceX < Math.min(width, (x + 1) * divisor); sourceX++) {
          const offset = (sourceY * width + sourceX) * 4;
          const alpha = data[offset + 3] ?? 0;
          for (let channel = 0; channel < 3; channel++)
            sum[channel] = (sum[channel] ?? 0) + (data[offset + channel] ?? 0) * alpha;
          sum[3] = (sum[3] ?? 0) + alpha;
          count++;
        }
      const target = (y * newWidth + x) * 4;
      const weight = Math.max(1, sum[3] ?? 0);
      for (let channel = 0; channel < 3; channel++) pixels[target + channel] = Math.round((sum[channel] ?? 0) / weight);
      pixels[target + 3] = Math.round((sum[3] ?? 0) / count);
    }
  return { width: newWidth, height: newHeight, data: pixels };
}
