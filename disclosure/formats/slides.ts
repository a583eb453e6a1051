import { ALL_TIERS, type Format, type FormatCheck } from '../format.ts';
import { checkOfficeText } from '../office.ts';

export const slidesFormat: Format = {
  type: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  tiers: ALL_TIERS,
  extensions: ['pptx'],
  part: 'ppt/presentation.xml',
  kinds: ['figure'],
};

export const checkSlides: FormatCheck = checkOfficeText;
