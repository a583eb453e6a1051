import type { Format } from '../format.ts';
import { checkOfficeText } from '../office.ts';

export const slidesFormat: Format = {
  extensions: ['pptx'],
  part: 'ppt/presentation.xml',
  kinds: ['figure'],
  check: checkOfficeText,
};
