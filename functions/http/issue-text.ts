import type * as z from 'zod';

const nounOf: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with named fields',
  record: 'an object with named fields',
};

const count = (limit: number | bigint, unit: string): string => `${limit} ${unit}${Number(limit) === 1 ? '' : 's'}`;

function describeSize(origin: string, bound: 'at least' | 'at most', limit: number | bigint): string {
  if (origin === 'string') return `It has ${bound} ${count(limit, 'character')}.`;
  if (origin === 'array' || origin === 'set')
    return `It has ${bound} ${count(limit, 'entry').replace('entrys', 'entries')}.`;
  return `It is ${bound} ${limit}.`;
}

/**
 * What is wrong with a value, in words for people, where its schema does not say it better: the library's own words quote
 * regular expressions and names of types. Undefined leaves it to the library.
 */
export const describeIssue: z.core.$ZodErrorMap = issue => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'It is missing.' : `It must be ${nounOf[issue.expected] ?? issue.expected}.`;
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'It must not be empty.'
        : describeSize(issue.origin, 'at least', issue.minimum);
    case 'too_big':
      return describeSize(issue.origin, 'at most', issue.maximum);
    case 'invalid_value':
      return `It must be ${issue.values.map(value => JSON.stringify(value)).join(' or ')}.`;
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'It must be a time in UTC, such as 2026-07-01T09:00:00Z.'
        : issue.format === 'date'
          ? 'It must be a date, such as 2026-07-01.'
          : issue.format === 'url'
            ? 'It must be an address that begins with https://.'
            : 'It does not have the form that is needed here.';
    case 'invalid_union':
      return 'It does not have any of the forms that are possible here.';
    case 'unrecognized_keys':
      return `There is no field ${issue.keys.join(', ')} here. Leave it out or correct its name.`;
    case 'invalid_key':
      // What the schema of the name says of it.
      return `The name must be ${issue.issues[0]?.message ?? 'another one'}.`;
    case 'not_multiple_of':
      return `It must be a multiple of ${issue.divisor}.`;
    default:
      return undefined;
  }
};

/** A schema says in a few words what a value must be; as a sentence: `It must be an id such as …`. */
export const toIssueSentence = (message: string): string =>
  /^[A-Z].*\.$/su.test(message) ? message : `It must be ${message}.`;
