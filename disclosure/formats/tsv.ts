import type { Format, FormatCheck } from '../format.ts';
import { checkDelimited, csvFormat } from './csv.ts';

export const tsvFormat: Format = {
  ...csvFormat,
  type: 'text/tab-separated-values',
};

export const checkTsv: FormatCheck = input => checkDelimited(input, '\t');
