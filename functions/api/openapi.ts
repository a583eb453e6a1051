import * as z from 'zod';
import { BytesResponse, type Route } from '../http/route.ts';
import { strictSchema } from '../http/strict.ts';

type Json = Record<string, unknown>;

/** Spaces around a text are dropped, so a text that may not be empty has something to see. */
const VISIBLE_PATTERN = '[\\p{L}\\p{N}\\p{P}\\p{S}]';

const documentTrimming = ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: Json }): void => {
  const isTrimmed = (zodSchema._zod.def.checks ?? []).some(({ _zod: { def } }) => def.check === 'overwrite');
  if (isTrimmed && Number(jsonSchema.minLength) > 0) jsonSchema.pattern ??= VISIBLE_PATTERN;
};

/** An input refuses unknown fields, as the API does. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(io === 'input' ? strictSchema(schema) : schema, {
    io,
    unrepresentable: 'any',
    override: documentTrimming,
  });
  return rest;
};

const parameters = (schema: z.ZodObject | undefined, location: 'path' | 'query') => {
  if (!schema) return [];
  const { properties = {}, required: requiredNames = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: location,
    required: location === 'path' || requiredNames.includes(name),
    ...(description ? { description } : {}),
    schema,
  }));
};

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description: 'A new value for each request. Repeating a value within a day returns the first result again.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{8,128}$' },
};

const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
const gatewayMessage = { 'application/json': { schema: { $ref: '#/components/schemas/GatewayMessage' } } };

/** Refusals of the API, and answers that the gateway gives without asking it. */
const refusals: Readonly<Record<string, Json>> = {
  400: { description: 'The request does not have the format of this operation', content: problem },
  401: {
    description: 'From the gateway: there is no token, or it is not valid or has expired',
    headers: { 'WWW-Authenticate': { description: 'what is wrong with the token', schema: { type: 'string' } } },
    content: gatewayMessage,
  },
  403: {
    description: 'The caller may not do this; the detail says who may',
    content: { ...problem, ...gatewayMessage },
  },
  404: { description: 'It does not exist, or not for this caller', content: { ...problem, ...gatewayMessage } },
  405: { description: 'The address has other methods', content: problem },
  409: { description: 'Not now: the detail gives the reason and the remedy', content: problem },
  413: { description: 'The request is too large', content: { ...problem, ...gatewayMessage } },
  415: { description: 'The body is not JSON', content: problem },
  422: { description: 'The Idempotency-Key was used before for another request', content: problem },
  429: { description: 'Too many requests. Repeat it later', content: { ...problem, ...gatewayMessage } },
  500: { description: 'An internal error: the detail has its id', content: { ...problem, ...gatewayMessage } },
  503: { description: 'From the gateway: the service is not available. Repeat it later', content: gatewayMessage },
};

function operation(name: string, route: Route): Json {
  const writes = route.method !== 'GET' && !route.mints;
  return {
    operationId: name,
    tags: [route.capability],
    summary: route.summary,
    description: `Command line: \`broch ${route.example}\`. ${describeCallers(route)}`,
    parameters: [
      ...parameters(route.params, 'path'),
      ...parameters(route.query, 'query'),
      ...(writes ? [idempotencyKey] : []),
    ],
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(route.body, 'input') } } },
    }),
    ...(route.callers === 'anyone' ? { security: [] } : {}),
    responses: {
      [route.status]: {
        description: 'Done',
        content:
          route.returns === BytesResponse
            ? { 'application/octet-stream': {} }
            : { 'application/json': { schema: schemaOf(route.returns, 'output') } },
      },
      ...refusals,
    },
  };
}

const describeCallers = ({ callers }: Route): string =>
  callers === 'anyone'
    ? 'Allowed for anyone.'
    : `Allowed for: ${callers.map(({ group, member }) => (member ? `${group} who is ${member.join(' or ')} in the project` : group)).join('; ')}.`;

/** The routes as an OpenAPI 3.1 document. */
export function buildOpenApi(routes: Record<string, Route>, server: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes)) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Broch',
      version: '1',
      description: 'A trusted research environment.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: server }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'An access token of the user pool (MFA required)',
        },
      },
      schemas: {
        GatewayMessage: {
          type: 'object',
          description: 'What the gateway itself answers',
          required: ['message'],
          properties: { message: { type: 'string' } },
        },
        Problem: {
          type: 'object',
          description: 'RFC 9457 problem details',
          required: ['type', 'title', 'status', 'detail', 'instance'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
            instance: { type: 'string' },
            errors: { type: 'array', items: { type: 'string' } },
          },
        },
      },
    },
  };
}
