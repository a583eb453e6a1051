import { EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { planChange } from '../../functions/workspaces/change.ts';
import type { ChangingWorkspace } from '../../functions/workspaces/life.ts';
import { observeWorkspace } from '../../functions/workspaces/machines.ts';

/** An archive that began with the third attempt, and that the fourth continues. */
const archiving = {
  ...{ status: 'archiving', id: 'ws-00112233aabb', project: 'asthma', owner: 'sub-rana', ownerName: 'rana' },
  ...{ kind: 'desktop', size: 'small', instanceId: 'i-1', address: '10.64.0.9', imageId: 'ami-1', reason: 'asked' },
  ...{ requestedAt: '2026-11-20T09:00:00.000Z', attemptedAt: '2026-11-20T09:00:00.000Z', attempt: 4, firstAttempt: 3 },
} as ChangingWorkspace;
const snapshotOf = (attempt: number, State = 'completed') => ({
  SnapshotId: `snap-${attempt}`,
  State,
  Tags: [{ Key: 'broch:attempt', Value: String(attempt) }],
});

/** What a step sees of the workspace when its machine is gone and these snapshots are there. */
function observe(snapshots: readonly object[], workspace: ChangingWorkspace = archiving) {
  vi.spyOn(EC2Client.prototype, 'send').mockImplementation((async (command: object) =>
    command.constructor.name === 'DescribeSnapshotsCommand' ? { Snapshots: snapshots } : {}) as never);
  return observeWorkspace(workspace);
}
afterEach(() => vi.restoreAllMocks());

describe('an archive that a later attempt continues after the machine is gone', () => {
  it('ends with the snapshot that the earlier attempt took, and clears those of earlier archives', async () => {
    const observed = await observe([snapshotOf(1), snapshotOf(3)]);
    expect(observed.snapshot).toEqual({ id: 'snap-3', complete: true });
    expect(planChange(archiving, observed, [])).toMatchObject({ do: 'clear', snapshots: ['snap-1'] });
    expect(planChange(archiving, await observe([snapshotOf(3)]), [])).toEqual({ do: 'finish', home: 'snap-3' });
  });

  it('never takes the snapshot of an earlier archive, or one that AWS could not make, for the home of now', async () => {
    for (const snapshot of [snapshotOf(2), snapshotOf(3, 'error'), snapshotOf(5)])
      expect(planChange(archiving, await observe([snapshot]), [])).toEqual({ do: 'lost' });
  });

  it('of a row from before the first attempt was kept counts the current one', async () => {
    const { firstAttempt: _, ...row } = archiving as Extract<ChangingWorkspace, { status: 'archiving' }>;
    expect((await observe([snapshotOf(3)], row)).snapshot).toBeUndefined();
    expect((await observe([snapshotOf(4)], row)).snapshot).toEqual({ id: 'snap-4', complete: true });
  });
});
