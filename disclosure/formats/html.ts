import type { Format, FormatCheck } from '../format.ts';
import { checkTextTables } from './text.ts';

export const htmlFormat: Format = {
  type: 'text/html',
  tiers: [1],
  extensions: ['html', 'htm'],
  kinds: ['table', 'figure', 'code', 'log'],
};

export const checkHtml: FormatCheck = input => checkTextTables(input, { isPage: true });
