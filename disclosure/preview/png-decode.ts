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
  const found: { type: string; data: Buffer }[] = [];
  for (let at = 8; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    found.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return found;
}

/**
 * The pixels of a PNG that holds only what makes its picture (see `essence`). The compressed data may unfold to exactly
 * what its header says and not a byte more, so a small file cannot become a large one.
 */
export function decodePng(png: Buffer): Pixels {
  const chunks = chunksOf(png);
  const header = chunks[0]?.data ?? Buffer.alloc(0);
  const of = (type: string) => Buffer.concat(chunks.filter(chunk => chunk.type === type).map(({ data }) => data));
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth = 0, color = -1, compression, filter, interlace] = header.subarray(8);
  const channels = channelsOf[color];
  if (channels === undefined || !depthsOf[color]?.includes(depth) || compression || filter || (interlace ?? 2) > 1)
    throw new Error('its header means nothing');
  if (width === 0 || height === 0) throw new Error('it has no pixels');
  const form: Form = { width, height, depth, color, channels, palette: of('PLTE'), clear: of('tRNS') };
  const bits = depth * channels;
  const passes = (interlace ? adam7 : whole)
    .map(([x0, y0, dx, dy]) => ({ x0, y0, dx, dy, w: Math.ceil((width - x0) / dx), h: Math.ceil((height - y0) / dy) }))
    .filter(({ w, h }) => w > 0 && h > 0)
    .map(pass => ({ ...pass, stride: Math.ceil((pass.w * bits) / 8) }));
  const size = passes.reduce((sum, { h, stride }) => sum + h * (stride + 1), 0);
  const raw = inflateSync(of('IDAT'), { maxOutputLength: size });
  if (raw.length < size) throw new Error('some of its pixels are missing');
  const data = new Uint8Array(width * height * 4);
  let at = 0;
  for (const { x0, y0, dx, dy, w, h, stride } of passes) {
    let above: Uint8Array = new Uint8Array(stride);
    for (let y = 0; y < h; y++) {
      const row = raw.subarray(at + 1, at + 1 + stride);
      unfilter(raw[at] ?? 0, row, above, Math.max(1, bits >> 3));
      for (let x = 0; x < w; x++) paint(form, row, x, data, ((y0 + y * dy) * width + x0 + x * dx) * 4);
      above = row;
      at += stride + 1;
    }
  }
  return { width, height, data };
}

/** Turns differences back into bytes, in place. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, back: number): void {
  if (filter > 4) throw new Error('a row of it is filtered in a way that there is not');
  if (filter === 0) return;
  for (let i = 0; i < row.length; i++) {
    const left = i < back ? 0 : (row[i - back] ?? 0);
    const up = above[i] ?? 0;
    const corner = i < back ? 0 : (above[i - back] ?? 0);
    const add = filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
    row[i] = (row[i] ?? 0) + add;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function paint(
  { depth, color, channels, palette, clear }: Form,
  row: Uint8Array,
  x: number,
  to: Uint8Array,
  at: number,
) {
  const sample = (channel: number): number => {
    const n = x * channels + channel;
    if (depth === 16) return ((row[2 * n] ?? 0) << 8) | (row[2 * n + 1] ?? 0);
    if (depth === 8) return row[n] ?? 0;
    return ((row[(n * depth) >> 3] ?? 0) >> (8 - depth - ((n * depth) & 7))) & ((1 << depth) - 1);
  };
  const byte = (value: number) =>
    depth === 16 ? value >> 8 : depth === 8 ? value : (value * 255) / ((1 << depth) - 1);
  if (color === 3) {
    const n = sample(0);
    if (3 * n + 3 > palette.length) throw new Error('it uses a colour that it does not have');
    to.set([palette[3 * n] ?? 0, palette[3 * n + 1] ?? 0, palette[3 * n + 2] ?? 0, clear[n] ?? 255], at);
    return;
  }
  const colors = color === 0 || color === 4 ? [sample(0), sample(0), sample(0)] : [sample(0), sample(1), sample(2)];
  const through = clear.length >= 2 * (color === 0 ? 1 : 3) && (color === 0 || color === 2);
  const gone = through && colors.every((value, c) => value === clear.readUInt16BE(color === 0 ? 0 : 2 * c));
  const alpha = color === 4 || color === 6 ? byte(sample(channels - 1)) : gone ? 0 : 255;
  to.set([...colors.map(byte), alpha], at);
}
