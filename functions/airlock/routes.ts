import * as z from 'zod';
import { own, Paging, pageOf, type Route } from '../api/route.ts';
import { UploadAccess } from '../ingest/access.ts';
import { ProjectId } from '../projects/projects.ts';
import { Round } from './decision.ts';
import { downloadRoutes, keyRoutes } from './release/routes.ts';
import { FileReport } from './report.ts';
import { Groups, RequestId, Source, Title } from './request.ts';
import { EditBody } from './requester.ts';
import { Direction } from './rules.ts';
import { SealedFile } from './sealed.ts';
import { Settings, ShownSettings } from './settings.ts';
import { Summary } from './summary.ts';
import { Told } from './told.ts';
import { Shown } from './views.ts';
import { Ballot } from './votes.ts';

const project = z.object({ project: ProjectId });
const request = z.object({ project: ProjectId, request: RequestId });
const reviewers = [{ group: 'reviewer' }] as const;
const judges = [{ group: 'reviewer' }, { group: 'operator' }] as const;
const all = [...judges, ...own] as const;
const Reason = z.object({ reason: z.string().trim().min(1).max(1000).describe('why, for the record') });

/** One request in its project. To whoever has no part in it, there is none: 404. */
const on = { capability: 'airlock', params: request, returns: Shown, status: 200 } as const;
const path = '/projects/{project}/airlock/{request}';

export const airlockRoutes = {
  draftRequest: {
    method: 'POST',
    path: '/projects/{project}/airlock',
    capability: 'airlock',
    cli: 'airlock draft',
    status: 201,
    who: own,
    summary: 'Draft a request to let files out of a project, or with --direction import into it',
    example:
      'airlock draft asthma --title \'Table 1\' --source data/outbox/table1/ --groups \'[{"name":"table","kind":"table","purpose":"paper","paths":["**"]}]\'',
    params: project,
    body: z.object({
      title: Title,
      direction: Direction.default('export').describe('out of the project, or into it'),
      source: Source.optional(),
      recipient: EditBody.shape.recipient,
      groups: Groups.describe('what the files are, as JSON or @file'),
    }),
    returns: Shown,
  },
  importAccess: {
    method: 'POST',
    path: `${path}/access`,
    capability: 'airlock',
    cli: 'airlock access',
    status: 200,
    mints: true,
    who: own,
    summary: "Credentials to upload an import's files, and nothing else, for an hour",
    example: 'airlock access asthma al-0011223344556677',
    params: request,
    returns: UploadAccess,
  },
  editRequest: {
    ...on,
    method: 'PUT',
    path,
    cli: 'airlock edit',
    who: own,
    summary: 'Change a draft, or what came back',
    example: "airlock edit asthma al-0011223344556677 --explanation 'The zeros are structural.'",
    body: EditBody,
  },
  submitRequest: {
    ...on,
    method: 'POST',
    path: `${path}/submit`,
    cli: 'airlock submit',
    status: 202,
    who: own,
    summary: 'Seal the files as they are now, have them checked, then reviewed',
    example: 'airlock submit asthma al-0011223344556677',
  },
  withdrawRequest: {
    ...on,
    method: 'POST',
    path: `${path}/withdraw`,
    cli: 'airlock withdraw',
    who: [...own, { group: 'operator' }],
    summary: 'Take a request back for good',
    example: "airlock withdraw asthma al-0011223344556677 --reason 'wrong table'",
    body: Reason,
  },
  listRequests: {
    method: 'GET',
    path: '/projects/{project}/airlock',
    capability: 'airlock',
    cli: 'airlock list',
    status: 200,
    who: all,
    summary: "A project's requests",
    example: 'airlock list asthma',
    params: project,
    query: Paging,
    returns: pageOf(Summary),
  },
  listQueue: {
    method: 'GET',
    path: '/airlock',
    capability: 'airlock',
    cli: 'airlock queue',
    status: 200,
    who: judges,
    summary: 'The requests of all projects that wait for reviewers or operators, newest first',
    example: 'airlock queue',
    query: Paging.extend({
      which: z.enum(['waiting', 'all']).default('waiting').describe('those that wait, or all there ever were'),
    }),
    returns: pageOf(Summary),
  },
  showRequest: {
    ...on,
    method: 'GET',
    path,
    cli: 'airlock show',
    who: all,
    summary: 'One request: where it stands, what is wrong with it, what was said',
    example: 'airlock show asthma al-0011223344556677',
  },
  listFiles: {
    ...on,
    method: 'GET',
    path: `${path}/files`,
    cli: 'airlock files',
    who: [...reviewers, ...own],
    summary: 'The sealed files',
    example: 'airlock files asthma al-0011223344556677',
    query: Paging,
    returns: pageOf(SealedFile),
  },
  showChecks: {
    ...on,
    method: 'GET',
    path: `${path}/report`,
    cli: 'airlock report',
    who: [...reviewers, ...own],
    summary: 'What the checks found in each file',
    example: 'airlock report asthma al-0011223344556677',
    query: Paging,
    returns: pageOf(FileReport),
  },
  viewFile: {
    ...on,
    // Another function than the others': it unpacks what somebody submitted.
    capability: 'preview',
    method: 'GET',
    path: `${path}/view`,
    cli: 'airlock view',
    who: [...reviewers, ...own],
    summary: 'A sealed file drawn anew as a safe page, with what the checks found marked in it',
    example: 'airlock view asthma al-0011223344556677 --path table1.csv',
    query: z.object({ path: z.string().min(1).max(1024).describe('as `airlock files` shows it') }),
    returns: z.object({ path: z.string(), html: z.string(), truncated: z.boolean() }),
  },
  reviewRequest: {
    ...on,
    method: 'POST',
    path: `${path}/reviews`,
    cli: 'airlock review',
    who: reviewers,
    summary: 'Vote on a seal; nobody sees votes before all have voted',
    example: `airlock review asthma al-0011223344556677 --verdict approve --seal ${'0'.repeat(64)}`,
    body: Ballot,
  },
  returnRequest: {
    ...on,
    method: 'POST',
    path: `${path}/return`,
    cli: 'airlock return',
    who: reviewers,
    summary: 'Vote to give a request back for changes',
    example: `airlock return asthma al-0011223344556677 --seal ${'0'.repeat(64)} --comment 'Round the counts.'`,
    body: Ballot.omit({ verdict: true }),
  },
  releaseRequest: {
    ...on,
    method: 'POST',
    path: `${path}/release`,
    cli: 'airlock release',
    status: 202,
    who: judges,
    summary: 'Release what was approved',
    example: 'airlock release asthma al-0011223344556677',
  },
  revokeRequest: {
    ...on,
    method: 'POST',
    path: `${path}/revoke`,
    cli: 'airlock revoke',
    who: judges,
    summary: 'Take an approval or a release back: nothing can be downloaded any more',
    example: "airlock revoke asthma al-0011223344556677 --reason 'a small count'",
    body: Reason,
  },
  resumeRequest: {
    ...on,
    method: 'POST',
    path: `${path}/resume`,
    cli: 'airlock resume',
    status: 202,
    who: [{ group: 'operator' }],
    summary: 'Go on with a request that timed out',
    example: 'airlock resume asthma al-0011223344556677',
  },
  reissueReview: {
    ...on,
    method: 'POST',
    path: `${path}/reissue`,
    cli: 'airlock reissue',
    status: 202,
    who: judges,
    summary: 'Wait anew for the decision of a review whose workflow was lost; votes are kept',
    example: 'airlock reissue asthma al-0011223344556677',
  },
  showSettings: {
    method: 'GET',
    path: '/projects/{project}/settings/airlock',
    capability: 'airlock',
    cli: 'airlock settings',
    status: 200,
    who: all,
    summary: "How a project's requests are reviewed, and what they are checked against",
    example: 'airlock settings asthma',
    params: project,
    returns: ShownSettings,
  },
  changeSettings: {
    method: 'PUT',
    path: '/projects/{project}/settings/airlock',
    capability: 'airlock',
    cli: 'airlock configure',
    status: 200,
    who: [{ group: 'operator' }],
    summary: 'Give a project settings of its own; what is not named is as the organisation has it',
    example: `airlock configure asthma --settings '{"tier":3,"quorum":3}' --reason 'small villages'`,
    params: project,
    body: z.object({ settings: Settings, reason: Reason.shape.reason }),
    returns: ShownSettings,
  },
  listTrail: {
    ...on,
    method: 'GET',
    path: `${path}/trail`,
    cli: 'airlock trail',
    who: all,
    summary: 'What has happened to a request, newest first; nothing of votes before all have voted',
    example: 'airlock trail asthma al-0011223344556677',
    query: Paging,
    returns: pageOf(Told),
  },
  listRounds: {
    ...on,
    method: 'GET',
    path: `${path}/rounds`,
    cli: 'airlock rounds',
    who: reviewers,
    summary: 'The rounds of a review that have ended: each with its seal and how people voted on it',
    example: 'airlock rounds asthma al-0011223344556677',
    query: Paging,
    returns: pageOf(Round),
  },
  ...downloadRoutes,
  ...keyRoutes,
} as const satisfies Record<string, Route>;
