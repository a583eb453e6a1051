import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import * as z from 'zod';
import { type Contract, envelopeSchema } from './contract.ts';

/** The log of a function: one JSON line for each entry, with the request id. Never log file contents, links or secrets. */
export const logger = new Logger();

/**
 * A step of a state machine: parses its input with `schema` and returns its result to the state machine. An error it
 * throws becomes the state machine's error, named after its class.
 */
export const stepHandler = <I, O>(schema: z.ZodType<I>, run: (input: I) => Promise<O>) =>
  middy<unknown, O>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .handler(async event => run(schema.parse(event)));

/** The target of a rule on one or more contracts. Delivery is at least once: `run` must be idempotent. */
export const eventHandler = <T>(contracts: Contract<T> | readonly Contract<T>[], run: (detail: T) => Promise<void>) => {
  const schema = z.union([contracts].flat().map(contract => envelopeSchema(contract as Contract<T>)));
  return middy<unknown, void>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .handler(async event => run(schema.parse(event).detail));
};
