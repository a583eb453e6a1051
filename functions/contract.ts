import * as z from 'zod';

/** An event type: its source, its name (a fact, in the past tense) and the schema of its detail. */
export interface Contract<T> {
  readonly source: string;
  readonly type: string;
  readonly schema: z.ZodType<T>;
}

/** Defines an event type for its rule (lib), its publisher (`outgoingEvent`) and its consumers (handler.ts). */
export const contract = <T>(
  source: `broch.${string}` | `aws.${string}`,
  type: string,
  schema: z.ZodType<T>,
): Contract<T> => ({
  source,
  type,
  schema,
});

/** An event that was decided and is not published yet. */
export const OutgoingEvent = z.object({ source: z.string(), type: z.string(), detail: z.unknown() });
export type OutgoingEvent = z.infer<typeof OutgoingEvent>;

/** Makes an event. Throws if `detail` does not match the contract; drops fields that the contract does not name. */
export const outgoingEvent = <T>({ source, type, schema }: Contract<T>, detail: T): OutgoingEvent => ({
  source,
  type,
  detail: schema.parse(detail),
});

/** The event that EventBridge delivers for a contract. */
export const envelopeSchema = <T>(contract: Contract<T>) =>
  z.object({ source: z.literal(contract.source), 'detail-type': z.literal(contract.type), detail: contract.schema });

/** The event that S3 sends to EventBridge. Its key is not URL-encoded. */
export const ObjectCreated = contract(
  'aws.s3',
  'Object Created',
  z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), size: z.number().optional(), 'version-id': z.string().optional() }),
  }),
);
