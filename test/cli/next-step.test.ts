import { describe, expect, it } from 'vitest';
import {
  type NextStep,
  stepOfDelivery,
  stepOfEnclaveRun,
  stepOfOwnRequest,
  stepOfProject,
  stepOfQueuedRequest,
  stepOfReport,
  stepOfUse,
  stepOfWorkspace,
} from '../../bin/cli/next-step.ts';
import { cliCommands } from '../../bin/cli/verbs.ts';
import { statuses } from '../../functions/airlock/request/request.ts';
import type { RequestSummary } from '../../functions/airlock/request/summary.ts';
import { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import { DeliverySummary } from '../../functions/ingest/schemas.ts';
import { dataOwner } from '../enclaves/runs.ts';
import { enclaveSamples } from './enclave-samples.ts';

const timestamp = '2026-11-28T10:00:00.000Z';
const request = (status: RequestSummary['status'], direction: RequestSummary['direction'] = 'export') =>
  ({
    id: 'al-0011223344556677',
    project: 'asthma',
    title: 'Table 1',
    direction,
    requester: 'r',
    requesterName: 'rana',
    status,
    round: 1,
    openedAt: timestamp,
    due: timestamp,
  }) satisfies RequestSummary;
const delivery = (status: DeliverySummary['status']): DeliverySummary => ({
  id: 'dl-0011223344556677',
  dataset: 'admissions',
  partner: 'p',
  partnerName: 'petra',
  status,
  openedAt: timestamp,
  ...(status === 'held' && { found: 1 }),
});
const project = { id: 'asthma', title: 'Asthma', requestedBy: 'o', requestedAt: timestamp, attempt: 1 } as const;
const workspace = {
  id: 'ws-001122334455',
  project: 'asthma',
  owner: 'r',
  ownerName: 'rana',
  kind: 'desktop',
  size: 'small',
  requestedAt: timestamp,
  attempt: 1,
  attemptedAt: timestamp,
} as const;
const stoppedWorkspace = (warnedDays?: number) =>
  ({
    ...workspace,
    status: 'stopped',
    ...{ instanceId: 'i-1', address: '10.0.0.1', imageId: 'ami-1', reason: 'rana asked for it.', stoppedAt: timestamp },
    ...(warnedDays !== undefined && { warnedDays }),
  }) as const;

const use = {
  status: 'requested',
  id: 'du-0011223344556677',
  project: 'asthma',
  dataset: 'admissions',
  version: '0'.repeat(64),
  prefix: 'datasets/admissions/',
  purpose: 'research',
  endsAt: timestamp,
  explanation: 'Admissions by region.',
  requestedBy: 'r',
  requestedByName: 'rana',
  requestedAt: timestamp,
} as const;

const steps: readonly NextStep[] = [
  ...statuses.flatMap(status => [
    stepOfOwnRequest(request(status)),
    stepOfOwnRequest(request(status, 'import')),
    stepOfQueuedRequest(request(status), ['reviewer']),
    stepOfQueuedRequest(request(status), ['operator']),
  ]),
  ...DeliverySummary.shape.status.options.flatMap(status => [
    stepOfDelivery(delivery(status), true),
    stepOfDelivery(delivery(status), false),
  ]),
  stepOfProject({ ...project, status: 'provisioning', startedAt: timestamp }),
  stepOfProject({ ...project, status: 'failed', reason: 'no address left', failedAt: timestamp }),
  stepOfReport({ status: 'unbilled', date: '2026-11-27', reason: 'no bill', failedAt: timestamp }),
  ...enclaveSamples.listEnclaveRuns.items.flatMap(run => [
    stepOfEnclaveRun(EnclaveRun.parse(run), dataOwner.id),
    stepOfEnclaveRun(EnclaveRun.parse(run), undefined),
  ]),
  stepOfUse(use, true),
  stepOfUse(use, false),
  stepOfUse({ ...use, status: 'ended', reason: 'It is finished.', endedAt: timestamp }, true),
  stepOfWorkspace({ ...workspace, status: 'requested' }),
  stepOfWorkspace({ ...workspace, status: 'failed', reason: 'no capacity', failedAt: timestamp }),
  stepOfWorkspace({
    ...workspace,
    status: 'ready',
    instanceId: 'i-1',
    address: '10.0.0.1',
    imageId: 'ami-1',
    readyAt: timestamp,
  }),
  stepOfWorkspace(stoppedWorkspace(60)),
];

describe('the next step', () => {
  it('is a command that exists, for everything that is not done', () => {
    for (const step of steps) {
      if (step.standing === 'done') expect(step.command).toBeUndefined();
      else {
        const words = step.command?.split(' ') ?? [];
        const exists = cliCommands.some(({ words: name }) => name.every((word, index) => word === words[index]));
        expect(exists, step.command).toBe(true);
      }
    }
  });

  it('of a workspace that nobody started for sixty days is to archive it, and of another one that is stopped to start it', () => {
    expect(stepOfWorkspace(stoppedWorkspace(60))).toMatchObject({
      standing: 'waiting',
      reason: expect.stringMatching(/^nobody has started it for 60 days/),
      command: `workspace archive ${workspace.project} ${workspace.id}`,
    });
    expect(stepOfWorkspace(stoppedWorkspace()).command).toBe(`workspace start ${workspace.project} ${workspace.id}`);
  });

  it('of a released request is the download, with a folder of its own', () => {
    expect(stepOfOwnRequest(request('released'))).toEqual({
      standing: 'waiting',
      subject: 'Request al-0011223344556677 of asthma: Table 1',
      status: 'released',
      due: timestamp,
      command: 'airlock download asthma al-0011223344556677 ./al-0011223344556677',
    });
    expect(stepOfOwnRequest(request('released', 'import')).standing).toBe('done');
  });

  it('of a request for a dataset is a decision for its owner only', () => {
    expect(stepOfUse(use, true)).toMatchObject({ standing: 'waiting', command: 'dataset requests admissions' });
    expect(stepOfUse(use, false)).toMatchObject({ standing: 'underWay', command: 'dataset uses asthma' });
  });

  it('of an enclave run is a decision for a party, and its start for a member once both approved', () => {
    const [proposed, authorised] = enclaveSamples.listEnclaveRuns.items.map(run => EnclaveRun.parse(run));
    expect(proposed && stepOfEnclaveRun(proposed, dataOwner.id)).toMatchObject({
      standing: 'waiting',
      command: `enclave show asthma ${proposed?.id}`,
    });
    expect(proposed && stepOfEnclaveRun(proposed, undefined)).toMatchObject({
      standing: 'underWay',
      reason: 'sam and cora decide.',
    });
    expect(authorised && stepOfEnclaveRun(authorised, undefined)).toMatchObject({
      standing: 'waiting',
      command: `enclave run asthma ${authorised?.id}`,
    });
    expect(authorised && stepOfEnclaveRun(authorised, dataOwner.id).standing).toBe('underWay');
  });

  it('of an import without files is their upload', () => {
    expect(stepOfOwnRequest(request('draft', 'import')).command).toBe(
      'airlock upload asthma al-0011223344556677 <folder>',
    );
  });

  it('of a request in review is a vote for reviewers only', () => {
    expect(stepOfQueuedRequest(request('inReview'), ['reviewer']).standing).toBe('waiting');
    expect(stepOfQueuedRequest(request('inReview'), ['operator']).standing).toBe('underWay');
    expect(stepOfQueuedRequest(request('timedOut'), ['operator']).command).toMatch(/^airlock resume /);
  });

  it('of a held delivery says how many problems there are, and whose it is to staff', () => {
    expect(stepOfDelivery(delivery('held'), false)).toMatchObject({
      standing: 'trouble',
      subject: 'Delivery dl-0011223344556677 of admissions, from petra',
      reason: '1 problem found',
    });
  });
});

it('tells an operator of a request that too few reviewers can decide', () => {
  expect(stepOfQueuedRequest({ ...request('inReview'), unreachable: true }, ['operator'])).toMatchObject({
    standing: 'trouble',
    reason: expect.stringContaining('Too few reviewers'),
  });
});
