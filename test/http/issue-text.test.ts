import { expect, it } from 'vitest';
import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { describeIssue } from '../../functions/http/issue-text.ts';
import type { Route } from '../../functions/http/route.ts';

const schema = z.strictObject({
  text: z.string().min(1).max(3),
  list: z.array(z.string()).min(2),
  number: z.number().int().max(5),
  choice: z.enum(['a', 'b']),
  time: z.iso.datetime(),
  pattern: z.string().regex(/^x+$/),
  either: z.union([z.literal(1), z.object({ a: z.string() })]),
});

it.each([
  [{ text: '' }, 'It must not be empty.'],
  [{ text: 'four' }, 'It has at most 3 characters.'],
  [{ text: 4 }, 'It must be text.'],
  [{ list: ['a'] }, 'It has at least 2 entries.'],
  [{ number: 9 }, 'It is at most 5.'],
  [{ choice: 'c' }, 'It must be "a" or "b".'],
  [{ time: 'yesterday' }, 'It must be a time in UTC, such as 2026-07-01T09:00:00Z.'],
  [{ pattern: 'y' }, 'It does not have the form that is needed here.'],
  [{ either: 2 }, 'It does not have any of the forms that are possible here.'],
])('says of %j: %s', (value, message) => {
  const { error } = schema.partial().safeParse(value, { error: describeIssue });
  expect(error?.issues.map(issue => issue.message)).toEqual([message]);
});

/** Every pattern of an input that people give has words of its own: the library's would quote the expression. */
it('no route answers a malformed value with a regular expression', () => {
  const ids = Object.entries(routes).flatMap(([name, route]: [string, Route]) => {
    const shapes = { ...route.params?.shape, ...route.query?.shape, ...route.body?.shape };
    return Object.entries(shapes).map(([field, part]) => ({ name, field, part: part as z.ZodType }));
  });
  for (const { name, field, part } of ids)
    for (const value of ['!', '', 7, null, {}, [], ['!'], { a: 1 }, 'x'.repeat(2000)]) {
      const { error } = part.safeParse(value, { error: describeIssue });
      const messages = error?.issues.map(issue => issue.message).join(' ') ?? '';
      expect(messages, `${name}.${field} for ${JSON.stringify(value).slice(0, 20)}`).not.toMatch(
        /regex|pattern|\^|\[0-9|Invalid|expected|Unrecognized|undefined/,
      );
    }
});
