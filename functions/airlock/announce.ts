import { publish } from '../events.ts';
import type { Decision, Happened } from './decision.ts';
import { contracts } from './events.ts';
import type { Request } from './request.ts';

/** Publishes what a decision says has happened. */
export async function announce(bus: string, { request, events }: Decision, at: string): Promise<void> {
  for (const event of events) await tell(bus, request, event, at);
}

export const tell = (bus: string, of: Request, { name, by, byName, says }: Happened, at: string, path?: string) =>
  publish(bus, contracts[name], {
    project: of.project,
    request: of.id,
    round: of.round,
    status: of.status,
    title: of.title,
    requester: of.requester,
    requesterName: of.requesterName,
    by,
    byName,
    says,
    ...(path !== undefined && { path }),
    at,
  });
