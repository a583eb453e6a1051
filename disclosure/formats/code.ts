import { CODE_EXTENSIONS } from '../file.ts';
import type { Format } from '../format.ts';
import { checkTextTables } from './text.ts';

export const codeFormat: Format = {
  extensions: ['txt', ...CODE_EXTENSIONS],
  kinds: ['code'],
  check: input => checkTextTables(input, { isCode: true }),
};
