import * as z from 'zod';

/** A network of the pool that is leased, or was until recently. */
export const NetworkBlock = z.discriminatedUnion('status', [
  z.object({ status: z.literal('leased'), cidr: z.string(), project: z.string(), leasedAt: z.iso.datetime() }),
  /** Quarantine: other projects cannot lease it until then, so that an address in recent logs belongs to one project. */
  z.object({ status: z.literal('resting'), cidr: z.string(), project: z.string(), until: z.iso.datetime() }),
]);
export type NetworkBlock = z.infer<typeof NetworkBlock>;
export type LeasedBlock = Extract<NetworkBlock, { status: 'leased' }>;

/** The last holder may lease a block at once, other projects after its quarantine. */
export const mayLeaseBlock = (block: NetworkBlock | undefined, project: string, now: string): boolean =>
  block === undefined || (block.status === 'resting' && (block.project === project || block.until <= now));

export const leaseBlock = (cidr: string, project: string, now: string): LeasedBlock => ({
  status: 'leased',
  cidr,
  project,
  leasedAt: now,
});

/** Returns the block. Undefined if the project does not hold it. */
export const returnBlock = (
  block: NetworkBlock | undefined,
  project: string,
  restEnd: string,
): NetworkBlock | undefined =>
  block?.status === 'leased' && block.project === project
    ? { status: 'resting', cidr: block.cidr, project, until: restEnd }
    : undefined;
