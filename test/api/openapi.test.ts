import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { buildOpenApi } from '../../functions/api/openapi.ts';
import { routes } from '../../functions/api/routes.ts';

interface Schema {
  readonly type?: string;
  readonly [keyword: string]: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, { readonly content: Record<string, unknown> }>;
}

const document = buildOpenApi(routes, 'https://broch.example/v1');
const operations = Object.values(document.paths as Record<string, Record<string, Operation>>).flatMap(path =>
  Object.values(path),
);
const inputs = operations.flatMap(({ operationId, parameters, requestBody }) => [
  ...parameters.map(({ name, schema }) => [`${operationId} ${name}`, schema] as const),
  ...Object.values(requestBody?.content ?? {}).map(({ schema }) => [`${operationId} body`, schema] as const),
]);

const hasKeyword = (schema: Schema, ...keywords: string[]) => keywords.some(keyword => schema[keyword] !== undefined);

/** Whether the values of a schema have a largest size, as far as its own keywords go. */
function isBounded(schema: Schema): boolean {
  if (hasKeyword(schema, 'const', 'enum')) return true;
  if (schema.type === 'string') return hasKeyword(schema, 'maxLength', 'pattern', 'format');
  if (schema.type === 'integer' || schema.type === 'number') return hasKeyword(schema, 'maximum', 'exclusiveMaximum');
  return true;
}

function findUnbounded(schema: unknown, place: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const nested = Object.entries(schema).flatMap(([name, value]) => findUnbounded(value, `${place}.${name}`));
  return isBounded(schema as Schema) ? nested : [place, ...nested];
}

describe('the OpenAPI document', () => {
  it('is valid', async () => {
    expect(await new Validator().validate(document)).toMatchObject({ valid: true });
  });

  it('bounds every number and text that the API takes', () => {
    expect(inputs.flatMap(([place, schema]) => findUnbounded(schema, place))).toEqual([]);
    expect(inputs.length).toBeGreaterThan(100);
  });

  it('refuses unknown fields, as the API does', () => {
    const bodies = inputs.filter(([place]) => place.endsWith(' body'));
    expect(bodies.filter(([, schema]) => schema.additionalProperties !== false)).toEqual([]);
    expect(bodies.length).toBeGreaterThan(10);
  });

  it.each(['401', '403', '404', '413', '429', '500', '503'])(
    'names what the gateway itself answers with %s',
    status => {
      for (const { operationId, responses } of operations)
        expect(responses[status]?.content, operationId).toHaveProperty(['application/json']);
    },
  );
});
