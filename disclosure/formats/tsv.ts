import type { Format } from '../format.ts';
import { checkDelimited, csvFormat } from './csv.ts';

export const tsvFormat: Format = { ...csvFormat, check: input => checkDelimited(input, '\t') };
