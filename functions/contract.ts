import * as z from 'zod';

/** One event: who says it, what it is called (a fact, in the past tense) and what its detail looks like. */
export interface Contract<T> {
  readonly source: string;
  readonly type: string;
  readonly schema: z.ZodType<T>;
}

/** A contract yields the rule's pattern (lib), the event to publish (`outgoingEvent`) and the consumer's parser (handler.ts). */
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

/** An event of a contract. Throws where `detail` is not what the contract says; leaves out what it does not name. */
export const outgoingEvent = <T>({ source, type, schema }: Contract<T>, detail: T): OutgoingEvent => ({
  source,
  type,
  detail: schema.parse(detail),
});

/** What EventBridge delivers for a contract. */
export const envelopeSchema = <T>(of: Contract<T>) =>
  z.object({ source: z.literal(of.source), 'detail-type': z.literal(of.type), detail: of.schema });

/** S3's own event, as its EventBridge integration sends it. The key is not URL-encoded here. */
export const ObjectCreated = contract(
  'aws.s3',
  'Object Created',
  z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), size: z.number().optional(), 'version-id': z.string().optional() }),
  }),
);
