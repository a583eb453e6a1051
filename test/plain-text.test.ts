import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlainText } from '../functions/plain-text.ts';

/** Spaces and characters without ink, which could carry a message beside the words. */
const marks = fc
  .array(fc.constantFrom(' ', '\t', '\u00a0', '\u200b', '\u2060', '\ufeff', '\u00ad', '\u202e', '\u{e0041}', '\u0007'))
  .map(characters => characters.join(''));

describe('a text that a person types', () => {
  it('has one form, whatever invisible characters stand around its words', () => {
    fc.assert(
      fc.property(marks, marks, marks, (prefix, infix, suffix) => {
        const text = `${prefix}Table${infix} 1\nof the paper${suffix}\r\n${prefix}`;
        expect(PlainText.parse(text)).toBe('Table 1\nof the paper');
      }),
    );
  });

  it('is not changed any further', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const normalised = PlainText.parse(text);
        expect(PlainText.parse(normalised)).toBe(normalised);
        expect(normalised).toBe(normalised.trim());
      }),
    );
  });

  it('keeps its words, its paragraphs and the joiners of its script', () => {
    for (const text of ['Größe: 3 < 5', 'one\n\ntwo', 'می\u200cخواهم'])
      expect(PlainText.parse(text)).toBe(text.normalize('NFC'));
  });

  it('is measured in this form', () => {
    expect(PlainText.min(1).safeParse(' \u200b ').success).toBe(false);
  });
});
