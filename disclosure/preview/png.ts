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

/** Dots per inch that a picture can have. */
export const plausibleDensity = (dots: number): number | undefined => (dots >= 20 && dots <= 4800 ? dots : undefined);

/** The chunks of a PNG file that make its picture, how large it is printed, and how many bytes say neither. */
export function extractPngImage(bytes: Uint8Array): {
  png: Buffer;
  width: number;
  height: number;
  dotsPerInch: number | undefined;
  surplusBytes: number;
} {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Buffer[] = [signature];
  let [offset, isEnded, surplusBytes] = [8, false, 0];
  let dotsPerInch: number | undefined;
  while (!isEnded) {
    if (offset + 12 > file.length) throw new Error('it is cut short');
    const length = file.readUInt32BE(offset);
    const type = file.toString('latin1', offset + 4, offset + 8);
    if (offset + 12 + length > file.length) throw new Error('it is cut short');
    if (offset === 8 && (type !== 'IHDR' || length !== 13)) throw new Error('it does not begin as a PNG does');
    if (essentialChunks.has(type)) chunks.push(file.subarray(offset, offset + 12 + length));
    else if (type === 'pHYs' && length === 9 && file[offset + 16] === 1)
      dotsPerInch = plausibleDensity(Math.round(file.readUInt32BE(offset + 8) * 0.0254));
    else surplusBytes += 12 + length;
    isEnded = type === 'IEND';
    offset += 12 + length;
  }
  const png = Buffer.concat(chunks);
  return {
    png,
    width: png.readUInt32BE(16),
    height: png.readUInt32BE(20),
    dotsPerInch,
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

/** The channels that the pixels need: opacity only where one is not opaque, and three colours only where they differ. */
function neededChannels({ data }: Pixels): { color: number; channels: readonly number[] } {
  let [isGrey, isOpaque] = [true, true];
  for (let offset = 0; offset < data.length && (isGrey || isOpaque); offset += 4) {
    isGrey &&= data[offset] === data[offset + 1] && data[offset] === data[offset + 2];
    isOpaque &&= data[offset + 3] === 255;
  }
  return {
    color: (isGrey ? 0 : 2) + (isOpaque ? 0 : 4),
    channels: [...(isGrey ? [0] : [0, 1, 2]), ...(isOpaque ? [] : [3])],
  };
}

/** A new PNG file of pixels, and of how large they are printed: nothing else from anywhere. */
export function encodePng(pixels: Pixels, dotsPerInch?: number): Buffer {
  const { width, height, data } = pixels;
  const { color, channels } = neededChannels(pixels);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, color, 0, 0, 0], 8);
  const stride = width * channels.length;
  const rows = Buffer.alloc((stride + 1) * height);
  let offset = 0;
  for (let y = 0; y < height; y++) {
    // Each byte as its difference to the one above: pictures shrink by a good deal more so.
    rows[offset++] = y === 0 ? 0 : 2;
    for (let pixel = y * width * 4; pixel < (y + 1) * width * 4; pixel += 4)
      for (const channel of channels)
        rows[offset++] = (data[pixel + channel] ?? 0) - (y === 0 ? 0 : (data[pixel + channel - width * 4] ?? 0));
  }
  const density = Buffer.alloc(9);
  if (dotsPerInch !== undefined) {
    const dotsPerMetre = Math.round(dotsPerInch / 0.0254);
    density.writeUInt32BE(dotsPerMetre, 0);
    density.writeUInt32BE(dotsPerMetre, 4);
    density[8] = 1;
  }
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...(dotsPerInch === undefined ? [] : [chunk('pHYs', density)]),
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
