import { readWhole } from './bytes.ts';
import type { Findings } from './findings.ts';
import type { FormatInput } from './format.ts';
import { redrawPicture } from './preview/image.ts';

/** The largest picture that is read: it is held whole. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

export function reportMetadata(findings: Findings, content: string): void {
  if (findings.runs('image.metadata'))
    findings.add('image.metadata', `The picture has ${content}, which can hold anything. Save the picture without it.`);
}

export function reportTrailing(findings: Findings, bytes: number): void {
  if (bytes > 0 && findings.runs('image.trailing'))
    findings.add(
      'image.trailing',
      'There are bytes behind the end of the picture or of its pixels, which no viewer shows. Save the picture again.',
    );
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
type Walk = (bytes: Uint8Array, view: DataView, findings: Findings) => void;

/** Draws a picture again from its pixels; what else it holds becomes findings. */
export async function rewriteImage(bytes: Uint8Array, walk: Walk, findings: Findings): Promise<Uint8Array> {
  walk(bytes, viewOf(bytes), findings);
  return redrawPicture(bytes);
}

/** Walks a picture part by part: everything in it must be the picture itself. */
export async function checkImage({ source, findings }: FormatInput, walk: Walk): Promise<void> {
  const bytes = await readWhole(source.stream(), MAX_IMAGE_BYTES);
  findings.runs('image.metadata');
  findings.runs('image.trailing');
  walk(bytes, viewOf(bytes), findings);
}
