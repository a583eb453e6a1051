import type { Format } from '../format.ts';
import { checkOfficeText } from '../office.ts';

export const documentFormat: Format = {
  extensions: ['docx'],
  part: 'word/document.xml',
  kinds: ['table'],
  check: checkOfficeText,
};
