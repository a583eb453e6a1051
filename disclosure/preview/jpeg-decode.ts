import jpeg from 'jpeg-js';
import type { Pixels } from './png.ts';

/** Unpacks a JPEG as RGBA; throws where it is damaged or has more than `megapixels`. */
export const decodeJpeg = (bytes: Uint8Array, megapixels: number): Pixels =>
  jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: true,
    tolerantDecoding: false,
    maxResolutionInMP: megapixels,
    maxMemoryUsageInMB: 600,
  });
