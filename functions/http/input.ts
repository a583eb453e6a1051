import type { APIGatewayProxyEventV2WithJWTAuthorizer } from 'aws-lambda';
import * as z from 'zod';
import { Refused } from '../refused.ts';
import { describeIssue, toIssueSentence } from './issue-text.ts';
import { strictSchema } from './strict.ts';

/** The largest request body. Files go through S3, never through the API. */
export const MAX_BODY_BYTES = 64 * 1024;

type Event = APIGatewayProxyEventV2WithJWTAuthorizer;

const formatIssue = (issue: z.core.$ZodIssue, place: string): string[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map(
        key => `${[...issue.path, key].join('.')}: There is no such field. Leave it out or correct its name.`,
      )
    : [`${issue.path.join('.') || place}: ${toIssueSentence(issue.message)}`];

/** Parses one part of a request. Refuses fields that the schema does not name; without a schema it has no fields. */
export function parseInput<T>(schema: z.ZodType<T> | undefined, value: unknown, place: string): T | undefined {
  const result = strictSchema(schema ?? z.object({})).safeParse(value ?? {}, { error: describeIssue });
  if (result.success) return schema && (result.data as T);
  throw new Refused(
    'invalid',
    'The request does not have the format of this operation.',
    result.error.issues.flatMap(issue => formatIssue(issue, place)),
  );
}

const notUtf8 = (place: string) => new Refused('invalid', `The ${place} is not valid UTF-8 text. Correct it.`);

function textOf({ body = '', isBase64Encoded }: Event): string {
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > MAX_BODY_BYTES)
    throw new Refused('large', `A request body may have at most ${MAX_BODY_BYTES} bytes.`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notUtf8('request body');
  }
}

/** Half of a surrogate pair can be written as an escape, but is no character and cannot be stored as one. */
function refuseLoneSurrogates(name: string, value: unknown): unknown {
  if (!name.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) throw notUtf8('request body');
  return value;
}

/** The JSON of the body; an empty one is an object without fields. Refuses everything that is not JSON in UTF-8. */
export function readBody(event: Event): unknown {
  const text = textOf(event);
  if (text === '') return {};
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(event.headers['content-type'] ?? ''))
    throw new Refused('unsupported', 'Send the request body as JSON, with the header Content-Type: application/json.');
  try {
    return JSON.parse(text, refuseLoneSurrogates);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused('invalid', 'The request body is not valid JSON.');
  }
}

/** The parameters of the query. The gateway decodes them and replaces what is not UTF-8. */
export function readQuery({ rawQueryString, queryStringParameters }: Event): Record<string, string | undefined> {
  try {
    decodeURIComponent(rawQueryString ?? '');
  } catch {
    throw notUtf8('query');
  }
  return queryStringParameters ?? {};
}
