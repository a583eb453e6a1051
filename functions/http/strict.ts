import * as z from 'zod';

type Definition = z.core.$ZodTypeDef & Record<string, unknown>;

const children = (value: unknown): unknown => {
  if (value instanceof z.ZodType) return strictSchema(value);
  return Array.isArray(value) ? value.map(children) : value;
};

/**
 * The same schema, but every object in it refuses fields that it does not name: a misspelt field would otherwise be
 * dropped without a word. Objects that are loose on purpose stay as they are.
 */
export function strictSchema<T extends z.ZodType>(schema: T): T {
  const definition = schema._zod.def as Definition;
  switch (definition.type) {
    case 'object': {
      if (definition.catchall !== undefined) return schema;
      const shape = Object.fromEntries(
        Object.entries((schema as unknown as z.ZodObject).shape).map(([name, field]) => [name, children(field)]),
      );
      return schema.clone({ ...definition, shape, catchall: z.never() } as never);
    }
    case 'array':
      return schema.clone({ ...definition, element: children(definition.element) } as never);
    case 'union':
      return schema.clone({ ...definition, options: children(definition.options) } as never);
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return schema.clone({ ...definition, innerType: children(definition.innerType) } as never);
    default:
      return schema;
  }
}
