import * as z from 'zod';
import { type Contract, contract } from '../contract.ts';
import { ProjectId } from '../projects/schemas.ts';
import { RequestEvent, type RequestEventName, requestEventNames } from './request/decision.ts';
import { RequestId } from './request/request.ts';

/**
 * The detail of every event of a request. It holds no vote, because votes stay hidden until the quorum is complete, and no
 * name or content of a file, because consumers of the bus may be anywhere.
 */
export const AirlockEventDetail = z.object({
  project: ProjectId,
  request: RequestId,
  round: z.number().int(),
  status: z.string(),
  title: z.string(),
  requester: z.string(),
  requesterName: z.string(),
  ...RequestEvent.omit({ name: true, path: true, quote: true }).shape,
  at: z.iso.datetime(),
  /** Stable when the event is sent again, so that consumers can drop duplicates. */
  id: z.string(),
});
export type AirlockEventDetail = z.infer<typeof AirlockEventDetail>;

/** One contract for each event. */
export const airlockEvents = Object.fromEntries(
  requestEventNames.map(name => [name, contract('broch.airlock', name, AirlockEventDetail)]),
) as Record<RequestEventName, Contract<AirlockEventDetail>>;
