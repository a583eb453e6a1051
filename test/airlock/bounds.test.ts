import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import { addSeconds, day } from '../../functions/airlock/request/request.ts';
import { Settings } from '../../functions/airlock/request/settings.ts';
import { Config } from '../../lib/config.ts';

interface JsonSchema {
  readonly type?: string;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** The paths of all numbers of a schema that have no upper bound of their own. */
function findUnbounded(schema: JsonSchema, path = ''): string[] {
  const { type, maximum = Number.POSITIVE_INFINITY, enum: choices, properties = {} } = schema;
  const isNumber = (type === 'integer' || type === 'number') && choices === undefined;
  return [
    // zod gives every integer JavaScript's own bound.
    ...(isNumber && maximum >= Number.MAX_SAFE_INTEGER ? [path] : []),
    ...Object.entries(properties).flatMap(([name, inner]) => findUnbounded(inner, `${path}.${name}`)),
  ];
}

describe('every number that somebody can configure', () => {
  it.each([
    ['of the organisation', Config],
    ['of the airlock', AirlockConfig],
    ['of a project', Settings.omit({ checks: true })],
  ] as const)('has an upper bound: %s', (_, schema) => {
    expect(findUnbounded(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema)).toEqual([]);
  });

  it.each(['draftDays', 'reviewDays', 'approvedDays', 'releasedDays', 'lockDays', 'graceDays'] as const)(
    'leads to dates that a row can hold: %s',
    name => {
      const { maximum = 0 } = (z.toJSONSchema(AirlockConfig, { io: 'input' }) as JsonSchema).properties?.[name] ?? {};
      fc.assert(
        fc.property(fc.integer({ min: 0, max: maximum }), days => {
          const date = addSeconds(addSeconds('2126-12-31T23:59:59.999Z', days * day), 36_500 * day);
          expect(z.iso.datetime().safeParse(date).success).toBe(true);
        }),
      );
    },
  );

  it('is refused above its bound, by name', () => {
    for (const settings of [{ releasedDays: 3_000_000 }, { approvedDays: 100_000_000 }])
      expect(Settings.safeParse(settings).error?.issues[0]?.path).toEqual([Object.keys(settings)[0]]);
  });
});
