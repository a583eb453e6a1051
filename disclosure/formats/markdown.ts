import { CODE_EXTENSIONS } from '../file.ts';
import type { Format, FormatCheck } from '../format.ts';
import { checkPlainText, textFormat } from './text.ts';

export const markdownFormat: Format = {
  ...textFormat,
  type: 'text/markdown',
  extensions: ['txt', 'md', ...CODE_EXTENSIONS],
};

export const checkMarkdown: FormatCheck = checkPlainText;
