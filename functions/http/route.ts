import * as z from 'zod';

export const userGroups = ['operator', 'steward', 'reviewer', 'researcher', 'partner'] as const;
export type UserGroup = (typeof userGroups)[number];

/** The roles in a project. They are stored in the table, not in the token. */
export const ProjectRole = z.enum(['lead', 'researcher']);
export type ProjectRole = z.infer<typeof ProjectRole>;

/** One way to be permitted: a group of the token and, if given, one of these roles in the project of the path. */
export interface RouteGrant {
  readonly group: UserGroup;
  readonly member?: readonly ProjectRole[];
}

/** The usual permissions: operators and stewards; operators and members of the project; members only. */
export const staffGrants = [{ group: 'operator' }, { group: 'steward' }] as const satisfies readonly RouteGrant[];
export const memberGrants = [
  { group: 'researcher', member: ['lead', 'researcher'] },
] as const satisfies readonly RouteGrant[];
export const operatorAndMemberGrants = [
  { group: 'operator' },
  ...memberGrants,
] as const satisfies readonly RouteGrant[];

export type Capability =
  | 'projects'
  | 'ingest'
  | 'datasets'
  | 'workspaces'
  | 'snapshots'
  | 'images'
  | 'packages'
  | 'enclaves'
  | 'batch'
  | 'airlock'
  | 'preview'
  | 'download'
  | 'costs'
  | 'api';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: `/${string}`;
  readonly capability: Capability;
  /** The command, as in `broch project create`. */
  readonly cli: string;
  /** The command that people use instead. This one is a step of it, for scripts. */
  readonly stepOf?: string;
  readonly summary: string;
  /** An example of the command, without `broch`. */
  readonly example: string;
  /** `anyone` needs no token. Otherwise one entry must apply. */
  readonly callers: 'anyone' | readonly RouteGrant[];
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly returns: z.ZodType;
  /** The answer is a new secret for each call (a link, credentials). It is not stored, so idempotency keys do not apply. */
  readonly mints?: true;
  readonly status: 200 | 201 | 202;
}

/** The `returns` of an operation that answers with bytes instead of JSON. */
export const BytesResponse = z.custom<Uint8Array>(value => value instanceof Uint8Array);

/** A whole number of a query, in decimal digits only. */
const QueryInteger = (schema: z.ZodNumber) =>
  z.preprocess(value => (typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : value), schema);

/** The query `?limit=&next=` of every list. */
export const PagingQuery = z.object({
  limit: QueryInteger(z.number().int().min(1).max(100)).default(50).describe('items per page'),
  next: z
    .string()
    .max(1400)
    .regex(/^[A-Za-z0-9_-]+$/, 'a page token of this API')
    .optional()
    .describe('the `next` value of the previous page'),
});

/** A page of items. */
export const pageOf = <T extends z.ZodType>(schema: T) =>
  z.object({ items: z.array(schema), next: z.string().optional() });
