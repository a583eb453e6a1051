import * as z from 'zod';

/** Control characters but for line ends, and characters without width or ink. Joiners stay: some scripts need them. */
const hiddenCharacters = /(?![\n\u200c\u200d])[\p{Cc}\p{Default_Ignorable_Code_Point}]/gu;

/** A text in one form, so that no space or hidden character carries a message. Words and paragraphs stay. */
const normaliseText = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/\r\n?/g, '\n')
    .replace(/[^\S\n]/gu, ' ')
    .replace(hiddenCharacters, '')
    .replace(/ {2,}/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

/** What a person types for other people to read: titles, purposes, comments and reasons. */
export const PlainText = z.string().overwrite(normaliseText);
