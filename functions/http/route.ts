import * as z from 'zod';

export const userGroups = ['operator', 'steward', 'reviewer', 'researcher', 'partner'] as const;
export type UserGroup = (typeof userGroups)[number];

/** Roles a person can hold in one project; kept in the table, never in the token. */
export const ProjectRole = z.enum(['lead', 'researcher']);
export type ProjectRole = z.infer<typeof ProjectRole>;

/** One way to be allowed: a group from the token and, where given, one of these roles in the project of the path. */
export interface RouteGrant {
  readonly group: UserGroup;
  readonly member?: readonly ProjectRole[];
}

/** Who most routes let in: those who run the place; operators and a project's people; those people alone. */
export const staffGrants = [{ group: 'operator' }, { group: 'steward' }] as const satisfies readonly RouteGrant[];
export const memberGrants = [
  { group: 'researcher', member: ['lead', 'researcher'] },
] as const satisfies readonly RouteGrant[];
export const operatorAndMemberGrants = [
  { group: 'operator' },
  ...memberGrants,
] as const satisfies readonly RouteGrant[];

export type Capability = 'projects' | 'ingest' | 'workspaces' | 'airlock' | 'preview' | 'download' | 'costs' | 'api';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: `/${string}`;
  readonly capability: Capability;
  /** The verb of the command line, as in `broch project create`. */
  readonly cli: string;
  readonly summary: string;
  /** One example of the command line, without `broch`. */
  readonly example: string;
  /** `anyone` needs no token. Otherwise any one entry is enough; nothing else is allowed. */
  readonly who: 'anyone' | readonly RouteGrant[];
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly returns: z.ZodType;
  /** The answer is a secret made for each call (a link, credentials). It is never stored, so no idempotency key applies. */
  readonly mints?: true;
  readonly status: 200 | 201 | 202;
}

/** What an operation `returns` that answers with bytes as they are, and not with JSON. */
export const BytesResponse = z.custom<Uint8Array>(value => value instanceof Uint8Array);

/** `?limit=&next=` on every list. */
export const PagingQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('items on a page'),
  next: z.string().max(2000).optional().describe('where the page before ended'),
});

/** A page of `of`. */
export const pageOf = <T extends z.ZodType>(of: T) => z.object({ items: z.array(of), next: z.string().optional() });
