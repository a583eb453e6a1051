import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import * as z from 'zod';
import { type Contract, envelopeSchema } from './contract.ts';

/** The function's log: JSON, one line an entry, with the request id. Never give it file contents, links or secrets. */
export const logger = new Logger();

/**
 * A step of a state machine: its input is parsed by `schema`, its return value goes back to the machine. What it throws
 * becomes the machine's error, named by the error's class.
 */
export const stepHandler = <I, O>(schema: z.ZodType<I>, run: (input: I) => Promise<O>) =>
  middy<unknown, O>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .handler(async event => run(schema.parse(event)));

/** The target of a rule on one contract, or on several that say the same. At-least-once: `run` must be idempotent. */
export const eventHandler = <T>(of: Contract<T> | readonly Contract<T>[], run: (detail: T) => Promise<void>) => {
  const schema = z.union([of].flat().map(one => envelopeSchema(one as Contract<T>)));
  return middy<unknown, void>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .handler(async event => run(schema.parse(event).detail));
};
