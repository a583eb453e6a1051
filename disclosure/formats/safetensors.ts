import type { ByteSource } from '../byte-source.ts';
import { readHead, UnreadableError } from '../bytes.ts';
import { quoteForFinding } from '../findings.ts';
import { ALL_TIERS, type Format, type FormatInput } from '../format.ts';

export const safetensorsFormat: Format = {
  type: 'application/x-safetensors',
  tiers: ALL_TIERS,
  extensions: ['safetensors'],
  // The upper half of the length of its header, and how that begins.
  magic: { hex: '000000007b', at: 4 },
  kinds: ['model'],
};

/** The longest that the description of a model is. */
export const MAX_MODEL_HEADER_BYTES = 16 * 2 ** 20;
const widths: Record<string, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
};

/**
 * A safetensors file: eight bytes of length, a JSON header, tensors. The header must account for every byte behind it, so
 * that nothing else fits in; its free text is shown.
 */
export async function checkSafetensors({ file, source, findings }: FormatInput): Promise<void> {
  const { tensors, metadata } = await readSafetensors(source, file.size);
  const text = metadata === undefined ? '' : JSON.stringify(metadata);
  if (text.length > 4096)
    findings.add(
      'model.weights',
      `Its metadata has ${text.length} characters: “${quoteForFinding(text, 100)}”. Say what they are, or remove them.`,
    );
  if (findings.runs('model.weights'))
    findings.add(
      'model.weights',
      `It has ${tensors.length} tensors. A model can remember the people it was trained on: say how it was trained and what was done against that.`,
    );
}

export interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly unknown[];
}

/** What a safetensors file says of itself, once that is known to be all there is in it. */
export async function readSafetensors(
  source: ByteSource,
  size: number,
): Promise<{ tensors: Tensor[]; metadata?: unknown }> {
  const start = await readHead(source, 8);
  if (start.length < 8) throw new UnreadableError('it is cut short');
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (length > MAX_MODEL_HEADER_BYTES || 8 + length > size)
    throw new UnreadableError('its header is longer than the file or than is read');
  const bytes = (await readHead(source, 8 + length)).subarray(8);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new UnreadableError('its header is no JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new UnreadableError('its header is no JSON object');
  const ranges: [number, number][] = [];
  const tensors: Tensor[] = [];
  let metadata: unknown;
  for (const [name, tensor] of Object.entries(header as Record<string, unknown>)) {
    if (name === '__metadata__') {
      metadata = tensor;
      continue;
    }
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = (tensor ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
    const width = typeof dtype === 'string' && Object.hasOwn(widths, dtype) ? widths[dtype] : undefined;
    if (width === undefined || !Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2)
      throw new UnreadableError(`its tensor “${quoteForFinding(name)}” is not described as it must be`);
    const [start, end] = offsets.map(Number) as [number, number];
    const elements = shape.reduce((product: number, side) => product * Number(side), 1);
    if (!(start >= 0) || end - start !== elements * width)
      throw new UnreadableError(`its tensor “${quoteForFinding(name)}” is not as long as its shape says`);
    ranges.push([start, end]);
    tensors.push({ name, type: String(dtype), shape });
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let offset = 0;
  for (const [start, end] of ranges) {
    if (start !== offset) throw new UnreadableError('its tensors overlap or leave bytes between them');
    offset = end;
  }
  if (8 + length + offset !== size) throw new UnreadableError('there are bytes that belong to no tensor');
  return { tensors, metadata };
}
