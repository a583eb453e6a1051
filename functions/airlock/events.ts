import * as z from 'zod';
import { type Contract, contract } from '../contract.ts';
import { ProjectId } from '../projects/projects.ts';
import { RequestEvent, type RequestEventName, requestEventNames } from './request/decision.ts';
import { RequestId } from './request/request.ts';

/** What every event of a request says. No vote is in it: who voted how is nobody's to know before all have. */
export const AirlockEventDetail = z.object({
  project: ProjectId,
  request: RequestId,
  round: z.number().int(),
  status: z.string(),
  title: z.string(),
  requester: z.string(),
  requesterName: z.string(),
  ...RequestEvent.omit({ name: true }).shape,
  at: z.iso.datetime(),
  /** The same whenever this event is sent: who has seen it drops it. */
  id: z.string(),
});
export type AirlockEventDetail = z.infer<typeof AirlockEventDetail>;

/** One contract for each thing that can happen. */
export const airlockEvents = Object.fromEntries(
  requestEventNames.map(name => [name, contract('broch.airlock', name, AirlockEventDetail)]),
) as Record<RequestEventName, Contract<AirlockEventDetail>>;
