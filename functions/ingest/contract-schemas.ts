import * as z from 'zod';

/** A field of a Frictionless Table Schema, as far as it is checked: https://specs.frictionlessdata.io/table-schema/ */
const ContractField = z.strictObject({
  name: z.string().min(1).max(200),
  title: z.string().max(500).optional(),
  description: z.string().max(2000).optional(),
  type: z.enum(['any', 'string', 'integer', 'number', 'boolean', 'date', 'datetime']).default('any'),
  constraints: z
    .strictObject({
      required: z.boolean().optional(),
      unique: z.boolean().optional(),
      minimum: z.union([z.number().min(-1e15).max(1e15), z.string().max(40)]).optional(),
      maximum: z.union([z.number().min(-1e15).max(1e15), z.string().max(40)]).optional(),
      minLength: z.number().int().min(0).optional(),
      maxLength: z.number().int().min(0).optional(),
      enum: z.array(z.string().max(200)).max(1000).optional(),
    })
    .prefault({}),
});
export type ContractField = z.infer<typeof ContractField>;

const ContractTable = z.strictObject({
  /** The path of the file in the dataset; a star stands for any part of a name. */
  path: z.string().min(1).max(500),
  schema: z.strictObject({
    fields: z.array(ContractField).min(1).max(2000),
    missingValues: z.array(z.string().max(40)).max(20).default(['']),
    primaryKey: z
      .union([
        z
          .string()
          .max(200)
          .transform(name => [name]),
        z.array(z.string().max(200)).min(1).max(20),
      ])
      .optional(),
  }),
  /** The number of rows without the header. Frictionless has no word for it, and allows further properties. */
  minRows: z.number().int().min(0).optional(),
  maxRows: z.number().int().min(0).optional(),
});
export type ContractTable = z.infer<typeof ContractTable>;

/** What the tables of a dataset must look like: the resources of a Frictionless Data Package. */
export const DataContract = z.strictObject({
  resources: z.array(ContractTable).min(1).max(200),
});
export type DataContract = z.infer<typeof DataContract>;
