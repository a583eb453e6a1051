import * as z from 'zod';

/** A network of the pool that is not free, or was not until lately. */
export const NetworkBlock = z.discriminatedUnion('status', [
  z.object({ status: z.literal('leased'), cidr: z.string(), project: z.string(), leasedAt: z.iso.datetime() }),
  /** Given back: not for anybody else until then, so that an address in the logs of these days names one project. */
  z.object({ status: z.literal('resting'), cidr: z.string(), project: z.string(), until: z.iso.datetime() }),
]);
export type NetworkBlock = z.infer<typeof NetworkBlock>;
export type LeasedBlock = Extract<NetworkBlock, { status: 'leased' }>;

/** A block may go to whoever held it last at once, to others when it has rested. */
export const mayLeaseBlock = (block: NetworkBlock | undefined, project: string, now: string): boolean =>
  block === undefined || (block.status === 'resting' && (block.project === project || block.until <= now));

export const leaseBlock = (cidr: string, project: string, now: string): LeasedBlock => ({
  status: 'leased',
  cidr,
  project,
  leasedAt: now,
});

/** The block as it is after its holder gives it back. Undefined where the project does not hold it: nothing to do. */
export const returnBlock = (
  block: NetworkBlock | undefined,
  project: string,
  until: string,
): NetworkBlock | undefined =>
  block?.status === 'leased' && block.project === project
    ? { status: 'resting', cidr: block.cidr, project, until }
    : undefined;
