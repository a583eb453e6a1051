import jpeg from 'jpeg-js';
import { groupDigits } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { encodePng, extractPngImage, isPng, type Pixels, shrinkPixels } from './png.ts';
import { decodePng } from './png-decode.ts';

/** A picture that is too large, or is none. */
export class UnrenderableError extends Error {}

const tooLarge = (limits: PageLimits) =>
  new UnrenderableError(`It has more than ${groupDigits(limits.pixels)} pixels.`);

function decode(bytes: Uint8Array, limits: PageLimits): { pixels: Pixels; beside: number } {
  if (isPng(bytes)) {
    const { png, width, height, beside } = extractPngImage(bytes);
    if (width * height > limits.pixels) throw tooLarge(limits);
    return { pixels: decodePng(png), beside };
  }
  const pixels = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: true,
    tolerantDecoding: false,
    maxResolutionInMP: limits.pixels / 1e6,
    maxMemoryUsageInMB: 600,
  });
  return { pixels, beside: 0 };
}

/** Colours that nobody sees, as they lie under full transparency: drawn apart, as they may say something. */
function hidden({ width, height, data }: Pixels): Pixels | undefined {
  let [covered, first] = [false, -1];
  for (let at = 0; at < data.length && !covered; at += 4) {
    if ((data[at + 3] ?? 0) > 8) continue;
    const color = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    if (first < 0) first = color;
    covered = color !== first;
  }
  if (!covered) return undefined;
  const bare = data.slice();
  for (let at = 3; at < bare.length; at += 4) bare[at] = 255;
  return { width, height, data: bare };
}

function figure(pixels: Pixels, alt: string, limits: PageLimits): { html: string; by: number } {
  let by = Math.max(1, Math.ceil(Math.sqrt((pixels.width * pixels.height) / limits.shown)));
  // Noise does not compress: then it gets smaller until it fits.
  for (; ; by++) {
    const png = encodePng(by === 1 ? pixels : shrinkPixels(pixels, by)).toString('base64');
    if (png.length > limits.html / 2 && by < 100) continue;
    return { html: `<figure><img alt="${alt}" src="data:image/png;base64,${png}"></figure>`, by };
  }
}

/**
 * A PNG or JPEG redrawn: decoded to pixels, which are encoded by ourselves. What else was in the file (places, names,
 * thumbnails, whatever hangs behind its end) is not in what is shown. Throws UnrenderableError where it cannot be decoded.
 */
export function renderImage(bytes: Uint8Array, limits: PageLimits, title = 'Picture'): PagePart {
  let decoded: ReturnType<typeof decode>;
  try {
    decoded = decode(bytes, limits);
  } catch (error) {
    if (error instanceof UnrenderableError) throw error;
    throw new UnrenderableError(`It cannot be decoded: ${error instanceof Error ? error.message : 'no reason given'}.`);
  }
  const { pixels, beside } = decoded;
  const { html, by } = figure(pixels, 'the picture, redrawn', limits);
  const under = hidden(pixels);
  const size = `${groupDigits(pixels.width)} × ${groupDigits(pixels.height)} pixels${by > 1 ? `, shown at 1/${by}` : ''}`;
  return {
    html: `<section><h2>${title}, ${size}</h2>${html}${beside > 0 ? `<p class="note">${groupDigits(beside)} bytes of the file are not part of its picture (texts, profiles, or what hangs behind its end). They leave with it.</p>` : ''}</section>${under ? `<section><h2>The same with nothing transparent: colours lie hidden there</h2>${figure(under, 'what lies under transparency', limits).html}</section>` : ''}`,
    left: by > 1 ? [`Details of the picture: it is shown ${by} times smaller.`] : [],
  };
}
