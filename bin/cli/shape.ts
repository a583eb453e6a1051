import * as z from 'zod';

/** How a value is displayed, derived from the schema of the API's answer. */
export type OutputShape =
  | { readonly kind: 'text' | 'time' | 'bytes' | 'count' | 'money' | 'status' | 'unknown' }
  | { readonly kind: 'list'; readonly of: OutputShape }
  | {
      readonly kind: 'record';
      readonly fields: readonly ShapeField[];
      /** Whether its fields depend on its status: then a table has only those of every status. */
      readonly isUnion: boolean;
    };

export interface ShapeField {
  readonly name: string;
  readonly shape: OutputShape;
  /** Whether every status has this field. */
  readonly isCommon: boolean;
}

interface Json {
  type?: string;
  format?: string;
  pattern?: string;
  const?: unknown;
  properties?: Record<string, Json>;
  required?: string[];
  items?: Json;
  anyOf?: Json[];
  oneOf?: Json[];
}

/** Money is the only text of the API that consists of digits: integer millionths (functions/costs/costs.ts). */
const micros = '^-?\\d+$';

function read(json: Json, name: string): OutputShape {
  const variants = json.oneOf ?? json.anyOf;
  if (variants?.every(({ properties }) => properties)) return union(variants);
  if (json.properties) return union([json]);
  if (json.type === 'array') return { kind: 'list', of: read(json.items ?? {}, '') };
  if (name === 'status') return { kind: 'status' };
  if (json.format === 'date-time') return { kind: 'time' };
  if (json.pattern === micros) return { kind: 'money' };
  if (json.type === 'integer' || json.type === 'number') return { kind: /bytes$/i.test(name) ? 'bytes' : 'count' };
  if (json.type === 'string' || typeof json.const === 'string') return { kind: 'text' };
  return { kind: 'unknown' };
}

function union(variants: readonly Json[]): OutputShape {
  const fields = new Map<string, ShapeField>();
  for (const { properties = {} } of variants) {
    for (const [name, json] of Object.entries(properties)) {
      const isCommon = variants.every(({ required: requiredNames }) => requiredNames?.includes(name));
      if (!fields.has(name)) fields.set(name, { name, shape: read(json, name), isCommon });
    }
  }
  // The id, the title and the status come first.
  const first = ['id', 'title', 'name', 'status'].filter(name => fields.has(name));
  const order = new Set([...first, ...fields.keys()]);
  return {
    kind: 'record',
    fields: [...order].map(name => fields.get(name) as ShapeField),
    isUnion: variants.length > 1,
  };
}

export const toOutputShape = (schema: z.ZodType): OutputShape =>
  read(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Json, '');

/** The shape of a page's items, or undefined if the shape is not a page. */
export const pageItemShape = (shape: OutputShape): OutputShape | undefined => {
  if (shape.kind !== 'record') return undefined;
  const items = shape.fields.find(({ name }) => name === 'items')?.shape;
  return items?.kind === 'list' ? items.of : undefined;
};
