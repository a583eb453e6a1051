import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  classifyIdentifyingName,
  findIdentifiers,
  hasValidCheckDigit,
  isChiNumber,
  isNhsNumber,
} from '../../disclosure/identifiers.ts';

const kinds = (text: string) => findIdentifiers(text).map(({ kind }) => kind);

describe('the search for identifiers', () => {
  it.each([
    ['943 476 5919', ['NHS number']],
    ['the NHS number is 9434765919.', ['NHS number']],
    ['CHI: 0101700008', ['CHI number']],
    ['AB 12 34 56 C', ['National Insurance number']],
    ['write to jane.doe@trust.nhs.uk now', ['e-mail address']],
    ['+44 7911 123456', ['phone number']],
    ['07911 123 456', ['phone number']],
    ['020 7946 0018', ['phone number']],
    ['SW1A 1AA', ['full postcode']],
    ['lives at EH8 9YL', ['full postcode']],
    ['M1 1AE', ['full postcode']],
  ])('finds the identifier in %j', (text, expected) => expect(kinds(text)).toEqual(expected));

  it.each([
    'E09000001',
    'ICD-10 code E11.9',
    '9434765918 widgets',
    '9434765919 widgets',
    'chapter 12, 2019-2020',
    '2020-01-01 12:00:00',
    '1,204,567.50 (12.3%)',
    'git@github.com:a/b.git',
    'see help@example.com',
    'plot@2x.png',
    'p < 0.001, OR 1.23 (1.01-1.50)',
    'SW1A',
    'GSE123456 and rs7903146',
    'version 10.12.2020.1234',
    'BG 12 34 56 A',
    'lm(y ~ x1 + x2, data = d1)',
    'n=1234567890',
  ])('finds no identifier in %j', text => expect(kinds(text)).toEqual([]));

  it('accepts at most one check digit for a number and notices every wrong digit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10 ** 8, max: 10 ** 9 - 1 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 1, max: 9 }),
        (nine, place, difference) => {
          const right = Array.from({ length: 10 }, (_, digit) => `${nine}${digit}`).filter(hasValidCheckDigit);
          expect(right.length).toBeLessThanOrEqual(1);
          const [number] = right;
          if (number === undefined) return;
          const digits = [...number];
          digits[place] = String((Number(digits[place]) + difference) % 10);
          expect(hasValidCheckDigit(digits.join(''))).toBe(false);
        },
      ),
    );
    expect(isNhsNumber('9434765919')).toBe(true);
    expect(isNhsNumber('4444444444')).toBe(false);
    expect(isChiNumber('9434765919')).toBe(false);
  });

  it.each(['patient_id', 'PatientID', 'nhs_number', 'NHS No', 'person id', 'CHI', 'mrn', 'eid'])(
    'takes a column named %j for a direct identifier',
    name => expect(classifyIdentifyingName(name)).toBe('direct'),
  );
  it.each(['Surname', 'dob', 'Date of Birth', 'postcode', 'email', 'first_name'])(
    'takes a column named %j for personal details',
    name => expect(classifyIdentifyingName(name)).toBe('personal'),
  );
  it.each([
    'n_patients',
    'region',
    'name',
    'area_name',
    'id',
    'age',
    'model_name',
    'patients',
    'case',
    'study',
    'postcode_area',
    'variable',
  ])('does not take a column named %j for an identifier', name =>
    expect(classifyIdentifyingName(name)).toBeUndefined(),
  );
});
