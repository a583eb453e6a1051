import { inflateSync } from 'node:zlib';
import type { Pixels } from './png.ts';

/** Where each pass of an interlaced picture begins, and its steps; the last is all there is of a plain one. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const whole = [[0, 0, 1, 1]] as const;
const channelsOf: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOf: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

interface Form {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly color: number;
  readonly channels: number;
  readonly palette: Buffer;
  readonly clear: Buffer;
}

function chunksOf(png: Buffer): { type: string; data: Buffer }[] {
  const chunks: { type: string; data: Buffer }[] = [];
  for (let offset = 8; offset + 12 <= png.length; ) {
    const length = png.readUInt32BE(offset);
    chunks.push({
      type: png.toString('latin1', offset + 4, offset + 8),
      data: png.subarray(offset + 8, offset + 8 + length),
    });
    offset += 12 + length;
  }
  return chunks;
}

/** What a header says of the pixels: their form, the passes that they come in, and how many bytes they take. */
export function readPngLayout(header: Buffer) {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth = 0, color = -1, compression, filter, interlace] = header.subarray(8);
  const channels = channelsOf[color];
  if (channels === undefined || !depthsOf[color]?.includes(depth) || compression || filter || (interlace ?? 2) > 1)
    throw new Error('its header means nothing');
  if (width === 0 || height === 0) throw new Error('it has no pixels');
  const bits = depth * channels;
  const passes = (interlace ? adam7 : whole)
    .map(([x0, y0, dx, dy]) => ({
      x0,
      y0,
      dx,
      dy,
      passWidth: Math.ceil((width - x0) / dx),
      passHeight: Math.ceil((height - y0) / dy),
    }))
    .filter(({ passWidth, passHeight }) => passWidth > 0 && passHeight > 0)
    .map(pass => ({ ...pass, stride: Math.ceil((pass.passWidth * bits) / 8) }));
  const size = passes.reduce((sum, { passHeight, stride }) => sum + passHeight * (stride + 1), 0);
  return { width, height, depth, color, channels, passes, size };
}

/**
 * The pixels of a PNG that holds only what makes its picture (see `essence`). The compressed data may unfold to exactly
 * what its header says and not a byte more, so a small file cannot become a large one.
 */
export function decodePng(png: Buffer): Pixels {
  const chunks = chunksOf(png);
  const header = chunks[0]?.data ?? Buffer.alloc(0);
  const dataOf = (type: string) => Buffer.concat(chunks.filter(chunk => chunk.type === type).map(({ data }) => data));
  const { width, height, depth, color, channels, passes, size } = readPngLayout(header);
  const form: Form = { width, height, depth, color, channels, palette: dataOf('PLTE'), clear: dataOf('tRNS') };
  const bits = depth * channels;
  const raw = inflateSync(dataOf('IDAT'), { maxOutputLength: size });
  if (raw.length < size) throw new Error('some of its pixels are missing');
  const data = new Uint8Array(width * height * 4);
  let offset = 0;
  for (const { x0, y0, dx, dy, passWidth, passHeight, stride } of passes) {
    let rowAbove: Uint8Array = new Uint8Array(stride);
    for (let y = 0; y < passHeight; y++) {
      const row = raw.subarray(offset + 1, offset + 1 + stride);
      unfilter(raw[offset] ?? 0, row, rowAbove, Math.max(1, bits >> 3));
      for (let x = 0; x < passWidth; x++) paint(form, row, x, data, ((y0 + y * dy) * width + x0 + x * dx) * 4);
      rowAbove = row;
      offset += stride + 1;
    }
  }
  return { width, height, data };
}

/** Turns differences back into bytes, in place. */
function unfilter(filter: number, row: Uint8Array, rowAbove: Uint8Array, back: number): void {
  if (filter > 4) throw new Error('a row of it is filtered in a way that there is not');
  if (filter === 0) return;
  for (let index = 0; index < row.length; index++) {
    const leftByte = index < back ? 0 : (row[index - back] ?? 0);
    const upperByte = rowAbove[index] ?? 0;
    const corner = index < back ? 0 : (rowAbove[index - back] ?? 0);
    const add =
      filter === 1
        ? leftByte
        : filter === 2
          ? upperByte
          : filter === 3
            ? (leftByte + upperByte) >> 1
            : paeth(leftByte, upperByte, corner);
    row[index] = (row[index] ?? 0) + add;
  }
}

function paeth(leftByte: number, upperByte: number, corner: number): number {
  const [leftDistance, upperDistance, cornerDistance] = [
    Math.abs(upperByte - corner),
    Math.abs(leftByte - corner),
    Math.abs(leftByte + upperByte - 2 * corner),
  ];
  return leftDistance <= upperDistance && leftDistance <= cornerDistance
    ? leftByte
    : upperDistance <= cornerDistance
      ? upperByte
      : corner;
}

function paint(
  { depth, color, channels, palette, clear }: Form,
  row: Uint8Array,
  x: number,
  pixels: Uint8Array,
  offset: number,
) {
  const sample = (channel: number): number => {
    const sampleIndex = x * channels + channel;
    if (depth === 16) return ((row[2 * sampleIndex] ?? 0) << 8) | (row[2 * sampleIndex + 1] ?? 0);
    if (depth === 8) return row[sampleIndex] ?? 0;
    return ((row[(sampleIndex * depth) >> 3] ?? 0) >> (8 - depth - ((sampleIndex * depth) & 7))) & ((1 << depth) - 1);
  };
  const byte = (value: number) =>
    depth === 16 ? value >> 8 : depth === 8 ? value : (value * 255) / ((1 << depth) - 1);
  if (color === 3) {
    const entry = sample(0);
    if (3 * entry + 3 > palette.length) throw new Error('it uses a colour that it does not have');
    pixels.set(
      [palette[3 * entry] ?? 0, palette[3 * entry + 1] ?? 0, palette[3 * entry + 2] ?? 0, clear[entry] ?? 255],
      offset,
    );
    return;
  }
  const colors = color === 0 || color === 4 ? [sample(0), sample(0), sample(0)] : [sample(0), sample(1), sample(2)];
  const hasClear = clear.length >= 2 * (color === 0 ? 1 : 3) && (color === 0 || color === 2);
  const isClear =
    hasClear && colors.every((value, channel) => value === clear.readUInt16BE(color === 0 ? 0 : 2 * channel));
  const alpha = color === 4 || color === 6 ? byte(sample(channels - 1)) : isClear ? 0 : 255;
  pixels.set([...colors.map(byte), alpha], offset);
}
