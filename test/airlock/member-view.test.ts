import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import { airlockEvents } from '../../functions/airlock/events.ts';
import { requestEvent } from '../../functions/airlock/request/decision.ts';
import type { Request } from '../../functions/airlock/request/request.ts';
import { requestView } from '../../functions/airlock/request/request-view.ts';
import { trailEntry, trailEvents, trailKey } from '../../functions/airlock/request/trail.ts';
import { visibleEvents } from '../../functions/airlock/request/trail-visibility.ts';
import type { Viewer } from '../../functions/airlock/request/viewer.ts';
import { outgoingEvent } from '../../functions/contract.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
} from './builders.ts';

const nina = buildPerson('nina', 'researcher');
const facts = { rules: buildAirlockConfig(), members: ['rana'], reviewers: [], candidates: [] };
const finding = {
  path: 'wards.csv',
  file: 4,
  rule: 'sdc.minimum-count',
  action: 'block' as const,
  message: 'A count in “wards” is below 10.',
  cells: [{ sheet: 'wards', row: 2, column: 3, value: '7' }],
};
const requestOf = (direction: 'export' | 'import') => {
  const request = buildRequestInReview(facts);
  if (!('report' in request)) throw new Error('it has no report');
  return { ...request, direction, report: { ...request.report, findings: 1, first: [finding] } } as Request;
};

describe('a member sees of a finding', () => {
  it('the rule, the number of the file, the row and the column, and where the full report is', () => {
    const { report, fullReport } = requestView(requestOf('export'), nina, 'project');
    expect(fullReport).toMatch(/^data\/reports\/al-[0-9a-f]{16}\/round-\d+\.html$/);
    expect(report?.first).toEqual([
      {
        path: 'file 4',
        file: 4,
        rule: 'sdc.minimum-count',
        action: 'block',
        message: `See ${fullReport}.`,
        cells: [{ row: 2, column: 3, value: '' }],
      },
    ]);
  });

  it('of an import, whom to ask: the project has no full report on it', () => {
    const { report, fullReport } = requestView(requestOf('import'), nina, 'project');
    expect(fullReport).toBeUndefined();
    expect(report?.first[0]?.message).toBe(`Ask ${rana.name}, who uploaded the files.`);
    expect(JSON.stringify(report)).not.toContain('wards');
  });

  it('everything, of an import that the member uploaded', () => {
    expect(requestView(requestOf('import'), rana, 'project').report?.first).toEqual([finding]);
  });
});

describe('nothing that tells a file apart', () => {
  const names = /wards|requests\/|[0-9a-f]{64}/;

  it('is in the report that a member sees: no key, version or SHA-256 of the stored report', () => {
    for (const person of [nina, rana])
      for (const direction of ['export', 'import'] as const) {
        const { report } = requestView(requestOf(direction), person, 'project');
        expect(report).not.toHaveProperty('key');
        expect(report).not.toHaveProperty('versionId');
        expect(report).not.toHaveProperty('sha256');
      }
  });

  it('is in the findings, comments and withheld files that an operator sees', () => {
    const inReview = requestOf('export');
    const change = { path: 'wards.csv', file: 4, comment: 'Round the counts.' };
    const review = { ...inReview, round: 1, attempt: 1 };
    const vote = {
      ...buildBallot(1, 'approve'),
      files: [change],
      by: 'vera',
      name: 'vera',
      round: 1,
      at: exampleStartTime,
    };
    const identity = { ...buildDraft(facts), expiresAt: exampleStartTime };
    const note = { findings: [{ path: 'wards.csv', reason: 'It has 77 bytes.' }], found: 1, at: exampleStartTime };
    const states = [
      { ...identity, status: 'draft', note },
      {
        ...review,
        status: 'returned',
        by: 'review',
        comments: [{ comment: '', files: [change] }],
        returnedAt: exampleStartTime,
        expiresAt: exampleStartTime,
      },
      {
        ...review,
        status: 'approved',
        votes: [vote],
        withheld: ['wards.csv'],
        approvedAt: exampleStartTime,
        expiresAt: exampleStartTime,
      },
    ] as Request[];
    const views = states.map(({ ...request }) => {
      const { findings, comments, withheld: numbers } = requestView(request as Request, olga, 'operator');
      return { ...(findings && { findings }), ...(comments && { comments }), ...(numbers && { withheld: numbers }) };
    });
    expect(JSON.stringify(views)).not.toMatch(names);
    expect(views).toEqual([
      { findings: [{ path: '', reason: `Ask ${rana.name}, who can read why.` }] },
      { comments: [{ comment: '', files: [{ path: 'file 4', file: 4, comment: 'Round the counts.' }] }] },
      { withheld: ['file 4'] },
    ]);
  });
});

describe('an event on the bus', () => {
  it('holds no name and no quote of a file; reviewers read them in the trail', () => {
    const difference = '“wards.csv”: A count of 7 could be derived.';
    const state = {
      ...requestOf('export'),
      status: 'releasing',
      withheld: [],
      approvedAt: exampleStartTime,
    } as unknown as Request;
    const command = { do: 'abortRelease', attempt: state.attempt, reason: 'Another release.', difference } as const;
    const decision = decideRequest(
      { ...state, expiresAt: '2027-01-01T00:00:00Z', deadline: '2027-01-01T00:00:00Z' } as Request,
      command,
      exampleStartTime,
      facts,
    );
    const access = { ...requestEvent('FileViewed', 'A file.', olga), path: 'wards.csv' };
    const entry = trailEntry(state, [...decision.events, access], exampleStartTime);
    const details = trailEvents(entry, trailKey(exampleStartTime, 1)).map(([name, detail]) =>
      outgoingEvent(airlockEvents[name], detail),
    );
    expect(details).toHaveLength(2);
    expect(JSON.stringify(details)).not.toContain('wards');
    const trailOf = (eye: Viewer) => JSON.stringify(visibleEvents(entry, state, buildPerson('walt', 'reviewer'), eye));
    expect(trailOf('reviewer')).toContain(`Another release. ${difference.replaceAll('"', '\\"')}`);
    for (const eye of ['operator', 'project'] as const) expect(trailOf(eye)).not.toContain('wards');
  });
});
