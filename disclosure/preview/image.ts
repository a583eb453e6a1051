import jpeg from 'jpeg-js';
import { groupDigits } from './escape.ts';
import { decodeJpeg } from './jpeg-decode.ts';
import { DEFAULT_PAGE_LIMITS, type PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { encodePng, extractPngImage, isPng, type Pixels, plausibleDensity, shrinkPixels } from './png.ts';
import { decodePng } from './png-decode.ts';

/** A picture that is too large, or is none. */
export class UnrenderableError extends Error {}

const tooLarge = (limits: Pick<PageLimits, 'pixels'>) =>
  new UnrenderableError(`It has more than ${groupDigits(limits.pixels)} pixels.`);

interface Picture {
  readonly pixels: Pixels;
  readonly dotsPerInch: number | undefined;
  readonly surplusBytes: number;
}

function decode(bytes: Uint8Array, limits: Pick<PageLimits, 'pixels'>): Picture {
  if (isPng(bytes)) {
    const { png, width, height, ...rest } = extractPngImage(bytes);
    if (width * height > limits.pixels) throw tooLarge(limits);
    return { pixels: decodePng(png), ...rest };
  }
  const pixels = decodeJpeg(bytes, limits.pixels / 1e6);
  // A JFIF header says how large it is printed, in dots per inch if its unit is 1.
  const isInches = bytes[3] === 0xe0 && bytes[13] === 1;
  const dotsPerInch = isInches ? plausibleDensity(((bytes[14] ?? 0) << 8) | (bytes[15] ?? 0)) : undefined;
  return { pixels, dotsPerInch, surplusBytes: 0 };
}

/** The encoder holds about a hundred bytes for each pixel of a JPEG. */
const MAX_JPEG_PIXELS = 12_000_000;
/** Of a JPEG, which loses a little each time that it is drawn. */
const jpegQuality = 92;

function encodeJpeg(pixels: Pixels, dotsPerInch: number | undefined): Uint8Array {
  const file = jpeg.encode(pixels, jpegQuality).data;
  if (dotsPerInch !== undefined) {
    file[13] = 1;
    for (const offset of [14, 16]) file.writeUInt16BE(dotsPerInch, offset);
  }
  // The encoder fills the last byte of the pixels also where there is nothing to fill.
  const isFilled = file.subarray(-4).toString('hex') === 'ff00ffd9';
  const shorter = isFilled ? Buffer.concat([file.subarray(0, -4), file.subarray(-2)]) : file;
  try {
    decodeJpeg(shorter, DEFAULT_PAGE_LIMITS.pixels / 1e6);
    return shorter;
  } catch {
    return file;
  }
}

/** A picture drawn again from the pixels that a reviewer is shown. */
export function redrawPicture(bytes: Uint8Array): Uint8Array {
  const { pixels, dotsPerInch } = decode(bytes, DEFAULT_PAGE_LIMITS);
  const { data, width, height } = pixels;
  if (!isPng(bytes) && width * height > MAX_JPEG_PIXELS) throw new UnrenderableError('It has too many pixels.');
  if (!isPng(bytes)) return encodeJpeg(pixels, dotsPerInch);
  for (let offset = 0; offset < data.length; offset += 4) if (data[offset + 3] === 0) data.fill(0, offset, offset + 3);
  return encodePng(pixels, dotsPerInch);
}

/** Colours that nobody sees, as they lie under full transparency: drawn apart, as they may say something. */
function hidden({ width, height, data }: Pixels): Pixels | undefined {
  let [covered, first] = [false, -1];
  for (let offset = 0; offset < data.length && !covered; offset += 4) {
    if ((data[offset + 3] ?? 0) > 8) continue;
    const color = ((data[offset] ?? 0) << 16) | ((data[offset + 1] ?? 0) << 8) | (data[offset + 2] ?? 0);
    if (first < 0) first = color;
    covered = color !== first;
  }
  if (!covered) return undefined;
  const bare = data.slice();
  for (let offset = 3; offset < bare.length; offset += 4) bare[offset] = 255;
  return { width, height, data: bare };
}

function figure(pixels: Pixels, alt: string, limits: PageLimits): { html: string; divisor: number } {
  let divisor = Math.max(1, Math.ceil(Math.sqrt((pixels.width * pixels.height) / limits.shown)));
  // Noise does not compress: then it gets smaller until it fits.
  for (; ; divisor++) {
    const png = encodePng(divisor === 1 ? pixels : shrinkPixels(pixels, divisor)).toString('base64');
    if (png.length > limits.html / 2 && divisor < 100) continue;
    return { html: `<figure><img alt="${alt}" src="data:image/png;base64,${png}"></figure>`, divisor };
  }
}

/**
 * A PNG or JPEG redrawn: decoded to pixels, which are encoded by ourselves. What else was in the file (places, names,
 * thumbnails, whatever hangs behind its end) is not in what is shown. Throws UnrenderableError where it cannot be decoded.
 */
export function renderImage(bytes: Uint8Array, limits: PageLimits, title = 'Picture'): PagePart {
  let picture: ReturnType<typeof decode>;
  try {
    picture = decode(bytes, limits);
  } catch (error) {
    if (error instanceof UnrenderableError) throw error;
    throw new UnrenderableError(`It cannot be decoded: ${error instanceof Error ? error.message : 'no reason given'}.`);
  }
  const { pixels, dotsPerInch, surplusBytes } = picture;
  const { html, divisor } = figure(pixels, 'the picture, redrawn', limits);
  const hiddenPixels = hidden(pixels);
  const size = `${groupDigits(pixels.width)} × ${groupDigits(pixels.height)} pixels${dotsPerInch === undefined ? '' : `, ${dotsPerInch} dots per inch`}${divisor > 1 ? `, shown at 1/${divisor}` : ''}`;
  return {
    html: `<section><h2>${title}, ${size}</h2>${html}${surplusBytes > 0 ? `<p class="note">${groupDigits(surplusBytes)} bytes of the file are not part of its picture (texts, profiles, or what hangs behind its end). They leave with it.</p>` : ''}</section>${hiddenPixels ? `<section><h2>The same with nothing transparent: colours lie hidden there</h2>${figure(hiddenPixels, 'what lies under transparency', limits).html}</section>` : ''}`,
    omissions: divisor > 1 ? [`Details of the picture: it is shown ${divisor} times smaller.`] : [],
  };
}
