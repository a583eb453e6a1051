import { CODE_EXTENSIONS } from '../file.ts';
import { ALL_TIERS, type Format, type FormatCheck } from '../format.ts';
import { checkTextTables } from './text.ts';

export const codeFormat: Format = {
  type: 'text/x-code',
  tiers: ALL_TIERS,
  extensions: ['txt', ...CODE_EXTENSIONS],
  kinds: ['code'],
};

export const checkCode: FormatCheck = input => checkTextTables(input, { isCode: true });
