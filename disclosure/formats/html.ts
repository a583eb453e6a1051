import type { Format } from '../format.ts';
import { checkTextTables } from './text.ts';

export const htmlFormat: Format = {
  extensions: ['html', 'htm'],
  kinds: ['table', 'figure', 'code', 'log'],
  check: input => checkTextTables(input, { isPage: true }),
};
