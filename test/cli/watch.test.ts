import { describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { followUntilRest, requestRest } from '../../bin/cli/watch.ts';
import { shownStatuses } from '../../functions/airlock/request/viewer.ts';

const restsAt = (milestone: Parameters<typeof requestRest>[0]) => Object.keys(requestRest(milestone).outcomes);

describe('the wait for a request', () => {
  it('goes on while checks, reviewers or the release are at work, as far as it was asked to', () => {
    const working = ['submitted', 'checking', 'releasing'];
    expect(shownStatuses.filter(status => !restsAt('checked').includes(status))).toEqual(working);
    expect(shownStatuses.filter(status => !restsAt('decided').includes(status)).sort()).toEqual(
      [...working, 'inReview'].sort(),
    );
    expect(shownStatuses.filter(status => !restsAt('released').includes(status)).sort()).toEqual(
      [...working, 'inReview', 'approved'].sort(),
    );
  });

  it('says by its exit code what became of the request', () => {
    const { outcomes } = requestRest('decided');
    expect(outcomes).toMatchObject({ approved: 'ok', released: 'ok', returned: 'refused', rejected: 'refused' });
    expect(outcomes).toMatchObject({ withdrawn: 'refused', expired: 'refused', timedOut: 'fault', damaged: 'fault' });
  });

  it('ends at the first status that ends it, after reporting each', async () => {
    const statuses = ['checking', 'inReview', 'approved', 'released'];
    const seenStatuses: string[] = [];
    // Only the answers matter here: the polling is the same for every API.
    const api = { call: async () => ({ status: statuses[seenStatuses.length] }) } as unknown as ApiClient;
    const last = await followUntilRest(api, requestRest('decided'), {}, 1, {
      report: ({ status }) => seenStatuses.push(status),
    });
    expect(last.status).toBe('approved');
    expect(seenStatuses).toEqual(['checking', 'inReview', 'approved']);
  });
});
