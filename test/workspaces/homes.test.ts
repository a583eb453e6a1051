import { describe, expect, it } from 'vitest';
import type { ProjectRole } from '../../functions/http/route.ts';
import { explainHeir } from '../../functions/workspaces/desk.ts';
import { requireHome, requireSnapshotReader } from '../../functions/workspaces/homes.ts';
import type { Workspace } from '../../functions/workspaces/schemas.ts';
import { decideWorkspace } from '../../functions/workspaces/workspaces.ts';

const now = '2026-11-20T09:00:00.000Z';
const rana = { id: 'sub-rana', name: 'rana' };
const id = 'ws-00112233aabb';
const instance = { instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1' };
const restore = { do: 'restore', by: rana, snapshot: 'snap-00112233' } as const;

const row = (status: string, fields: object = {}) =>
  ({
    ...{ status, id, project: 'asthma', owner: rana.id, ownerName: rana.name, kind: 'desktop', size: 'small' },
    ...{ requestedAt: now, attempt: 2, attemptedAt: now, reason: 'asked', ...fields },
  }) as unknown as Workspace;
const decide = (workspace: Workspace, command: Parameters<typeof decideWorkspace>[1] = restore) =>
  decideWorkspace({ workspace, desk: { live: [] } }, command, now).state;
const finish = { do: 'finishChange', attempt: 3 } as const;

describe('a restore', () => {
  it('of a running workspace ends in a start of the same machine', () => {
    const { workspace } = decide(row('ready', instance));
    expect(workspace).toMatchObject({ status: 'restoring', attempt: 3, snapshot: restore.snapshot, restart: true });
    const next = decide(workspace, finish).workspace;
    expect(next).toMatchObject({ status: 'requested', attempt: 4, earlierInstance: instance });
    expect(next).not.toHaveProperty('snapshot');
  });

  it('of a stopped workspace leaves it stopped', () => {
    const { workspace } = decide(row('stopped', { ...instance, stoppedAt: now }));
    const next = decide(workspace, finish).workspace;
    expect(next).toMatchObject({ status: 'stopped', ...instance });
    expect(next).not.toHaveProperty('snapshot');
  });

  it.each([row('archived', { home: 'snap-0' }), row('failed')])(
    'of a workspace that is $status starts it at once with that home',
    workspace =>
      expect(decide(workspace)).toMatchObject({
        workspace: { status: 'requested', attempt: 3, home: restore.snapshot },
        desk: { live: [id] },
      }),
  );

  it('that is asked for again, because the answer was lost, is the same restore', () => {
    const { workspace } = decide(row('ready', instance));
    expect(decide(workspace).workspace).toBe(workspace);
    const startingWorkspace = decide(row('archived', { home: 'snap-0' })).workspace;
    expect(decide(startingWorkspace).workspace).toBe(startingWorkspace);
    expect(() => decide(workspace, { ...restore, snapshot: 'snap-99112233' })).toThrow('can be restored');
  });

  it.each(['requested', 'starting', 'stopping', 'resizing', 'restoring', 'archiving', 'deleting', 'deleted'])(
    'of a workspace that is %s is refused',
    status => expect(() => decide(row(status, instance))).toThrow('can be restored'),
  );

  it('is for the owner, as a snapshot is', () => {
    const ivo = { id: 'sub-ivo', name: 'ivo' };
    expect(() => decide(row('ready', instance), { ...restore, by: ivo })).toThrow('Only the owner');
    expect(() => requireHome(row('ready', instance), ivo)).toThrow('Only the owner');
    expect(() => requireHome(row('archived'), rana)).toThrow('ready or stopped');
    expect(requireHome(row('stopped', instance), rana)).toMatchObject(instance);
  });
});

describe('the snapshots of a home', () => {
  const ivo = { id: 'sub-ivo', isLead: false, isOperator: false };
  it.each([
    ['its owner', { ...ivo, id: rana.id }],
    ['a lead of the project', { ...ivo, isLead: true }],
    ['an operator', { ...ivo, isOperator: true }],
  ])('are listed for %s', (_, reader) => expect(() => requireSnapshotReader(row('ready'), reader)).not.toThrow());

  it('are not listed for another member, in any status', () => {
    for (const status of ['requested', 'ready', 'stopped', 'archived', 'failed', 'deleted'])
      expect(() => requireSnapshotReader(row(status), ivo)).toThrow(/belongs to rana. Only the owner, a lead/);
  });
});

describe('the workspace of somebody else', () => {
  const ivo = { id: 'sub-ivo', name: 'ivo' };
  const explain = (ownerRoles: ProjectRole[], roles: ProjectRole[] = ['lead'], person = ivo) =>
    explainHeir(row('archived'), person, roles, ownerRoles);

  it('is deleted by a lead after its owner has left the project', () =>
    expect(explain([])).toBe('ivo, a lead, asked for it, because rana has left the project.'));

  it('is not deleted by a lead while its owner is a member', () =>
    expect(() => explain(['researcher'])).toThrow(/A lead can delete it once rana has left/));

  it('is deleted for no other reason', () => {
    expect(explain([], ['researcher'])).toBeUndefined();
    expect(explain([], ['lead'], rana)).toBeUndefined();
  });
});
