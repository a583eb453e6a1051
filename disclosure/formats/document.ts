import { ALL_TIERS, type Format, type FormatCheck } from '../format.ts';
import { checkOfficeText } from '../office.ts';

export const documentFormat: Format = {
  type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  tiers: ALL_TIERS,
  extensions: ['docx'],
  part: 'word/document.xml',
  kinds: ['table'],
};

export const checkDocument: FormatCheck = checkOfficeText;
