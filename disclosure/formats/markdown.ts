import { CODE_EXTENSIONS } from '../file.ts';
import type { Format } from '../format.ts';
import { textFormat } from './text.ts';

export const markdownFormat: Format = { ...textFormat, extensions: ['txt', 'md', ...CODE_EXTENSIONS] };
