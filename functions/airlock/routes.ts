import * as z from 'zod';
import { Direction } from '../../disclosure/policy.ts';
import { FileReport } from '../../disclosure/report.ts';
import { memberGrants, PagingQuery, pageOf, type Route } from '../http/route.ts';
import { PlainText } from '../plain-text.ts';
import { ProjectId } from '../projects/schemas.ts';
import { UploadAccess } from '../storage/upload-access.ts';
import { FileListQuery, PageStartQuery } from './file-queries.ts';
import { downloadRoutes, keyRoutes } from './release/routes.ts';
import { Round } from './request/decision.ts';
import { SealedFile } from './request/manifest.ts';
import { Groups, RequestId, Source, Title } from './request/request.ts';
import { RequestView } from './request/request-view.ts';
import { RequestEditBody } from './request/requester-commands.ts';
import { SettingsChange, ShownSettings } from './request/settings.ts';
import { SettingsPatch } from './request/settings-patch.ts';
import { RequestSummary } from './request/summary.ts';
import { VisibleEvent } from './request/trail-visibility.ts';
import { Ballot } from './request/votes.ts';

const project = z.object({ project: ProjectId });
const request = z.object({ project: ProjectId, request: RequestId });
const reviewers = [{ group: 'reviewer' }] as const;
const judges = [{ group: 'reviewer' }, { group: 'operator' }] as const;
const allRoles = [...judges, ...memberGrants] as const;
const Reason = z.object({ reason: PlainText.min(1).max(1000).describe('why, for the record') });

/** One request in its project. People without a part in it get the same answer as for a missing request: 404. */
const requestRoute = { capability: 'airlock', params: request, returns: RequestView, status: 200 } as const;
const path = '/projects/{project}/airlock/{request}';

export const airlockRoutes = {
  draftRequest: {
    method: 'POST',
    path: '/projects/{project}/airlock',
    capability: 'airlock',
    cli: 'airlock draft',
    status: 201,
    callers: memberGrants,
    summary: 'Draft a request to let files out of a project, or with --direction import into it',
    example: "airlock draft asthma --title 'Table 1' --source data/outbox/table1/ --table '**' --purpose paper",
    params: project,
    body: z.object({
      title: Title,
      direction: Direction.default('export').describe('export from the project, or import into it'),
      source: Source.optional(),
      recipient: RequestEditBody.shape.recipient,
      groups: Groups.describe('the groups of files, as JSON or @file'),
    }),
    returns: RequestView,
  },
  importAccess: {
    method: 'POST',
    path: `${path}/access`,
    capability: 'airlock',
    cli: 'airlock access',
    status: 200,
    mints: true,
    callers: memberGrants,
    summary: "Get credentials that can only upload an import's files, for ten minutes",
    example: 'airlock access asthma al-0011223344556677',
    params: request,
    returns: UploadAccess,
  },
  editRequest: {
    ...requestRoute,
    method: 'PUT',
    path,
    cli: 'airlock edit',
    callers: memberGrants,
    summary: 'Change a draft, or a returned or blocked request',
    example: "airlock edit asthma al-0011223344556677 --explanation 'The zeros are structural.'",
    body: RequestEditBody,
  },
  submitRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/submit`,
    cli: 'airlock submit',
    status: 202,
    callers: memberGrants,
    summary: 'Seal the files as they are now, check them, then ask reviewers',
    example: 'airlock submit asthma al-0011223344556677',
  },
  withdrawRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/withdraw`,
    cli: 'airlock withdraw',
    callers: [...memberGrants, { group: 'operator' }],
    summary: 'Withdraw a request for good',
    example: "airlock withdraw asthma al-0011223344556677 --reason 'wrong table'",
    body: Reason,
  },
  listRequests: {
    method: 'GET',
    path: '/projects/{project}/airlock',
    capability: 'airlock',
    cli: 'airlock list',
    status: 200,
    callers: allRoles,
    summary: "List a project's requests",
    example: 'airlock list asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(RequestSummary),
  },
  listQueue: {
    method: 'GET',
    path: '/airlock',
    capability: 'airlock',
    cli: 'airlock queue',
    status: 200,
    callers: judges,
    summary: 'List the requests of all projects that wait for reviewers or operators, newest first',
    example: 'airlock queue',
    query: PagingQuery.extend({
      which: z.enum(['waiting', 'all']).default('waiting').describe('those that wait, or all requests ever made'),
    }),
    returns: pageOf(RequestSummary),
  },
  showRequest: {
    ...requestRoute,
    method: 'GET',
    path,
    cli: 'airlock show',
    callers: allRoles,
    summary: 'Show one request: its status, its findings and the comments on it',
    example: 'airlock show asthma al-0011223344556677',
  },
  listFiles: {
    ...requestRoute,
    method: 'GET',
    path: `${path}/files`,
    cli: 'airlock files',
    callers: reviewers,
    summary: 'List the sealed files',
    example: 'airlock files asthma al-0011223344556677',
    query: FileListQuery,
    returns: pageOf(SealedFile),
  },
  showChecks: {
    ...requestRoute,
    method: 'GET',
    path: `${path}/report`,
    cli: 'airlock report',
    callers: reviewers,
    summary: 'Show what the checks found in each file',
    example: 'airlock report asthma al-0011223344556677',
    query: PagingQuery,
    returns: pageOf(FileReport),
  },
  viewFile: {
    ...requestRoute,
    // Another function than the others': it unpacks what somebody submitted.
    capability: 'preview',
    method: 'GET',
    path: `${path}/view`,
    cli: 'airlock view',
    callers: reviewers,
    summary: 'Show a sealed file as a safe page, with the findings of the checks marked',
    example: 'airlock view asthma al-0011223344556677 --path table1.csv',
    query: PageStartQuery.extend({ path: z.string().min(1).max(1024).describe('as `airlock files` shows it') }),
    returns: z.object({ path: z.string(), html: z.string(), truncated: z.boolean() }),
  },
  reviewRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/reviews`,
    cli: 'airlock review',
    callers: reviewers,
    summary: 'Vote on a sealed request; votes stay hidden until the decision',
    example: `airlock review asthma al-0011223344556677 --verdict approve --seal ${'0'.repeat(64)}`,
    body: Ballot,
  },
  returnRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/return`,
    cli: 'airlock return',
    callers: reviewers,
    summary: 'Vote to return a request for changes',
    example: `airlock return asthma al-0011223344556677 --seal ${'0'.repeat(64)} --comment 'Round the counts.'`,
    body: Ballot.omit({ verdict: true, extent: true }),
  },
  releaseRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/release`,
    cli: 'airlock release',
    status: 202,
    callers: judges,
    summary: 'Release an approved request',
    example: 'airlock release asthma al-0011223344556677',
  },
  revokeRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/revoke`,
    cli: 'airlock revoke',
    callers: judges,
    summary: 'Revoke an approval or a release: downloads stop immediately',
    example: "airlock revoke asthma al-0011223344556677 --reason 'a small count'",
    body: Reason,
  },
  resumeRequest: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/resume`,
    cli: 'airlock resume',
    status: 202,
    callers: [{ group: 'operator' }],
    summary: 'Resume a request that timed out',
    example: 'airlock resume asthma al-0011223344556677',
  },
  reissueReview: {
    ...requestRoute,
    method: 'POST',
    path: `${path}/reissue`,
    cli: 'airlock reissue',
    status: 202,
    callers: judges,
    summary: 'Restart the failed workflow of a review; votes are kept',
    example: 'airlock reissue asthma al-0011223344556677',
  },
  showSettings: {
    method: 'GET',
    path: '/projects/{project}/settings/airlock',
    capability: 'airlock',
    cli: 'airlock settings',
    status: 200,
    callers: allRoles,
    summary: "Show how a project's requests are reviewed and checked",
    example: 'airlock settings asthma',
    params: project,
    returns: ShownSettings,
  },
  listSettings: {
    method: 'GET',
    path: '/projects/{project}/settings/airlock/history',
    capability: 'airlock',
    cli: 'airlock history',
    status: 200,
    callers: allRoles,
    summary: 'List all airlock settings that a project has had, with who made them, when and why',
    example: 'airlock history asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(SettingsChange),
  },
  changeSettings: {
    method: 'PATCH',
    path: '/projects/{project}/settings/airlock',
    capability: 'airlock',
    cli: 'airlock configure',
    status: 200,
    callers: [{ group: 'operator' }],
    summary:
      "Change a project's airlock settings: a setting that you do not name stays, and null restores the configured value",
    example: `airlock configure asthma --settings '{"tier":3,"quorum":3}' --reason 'small villages'`,
    params: project,
    body: z.object({
      settings: SettingsPatch.describe('the settings to change, as JSON or @file'),
      reason: Reason.shape.reason,
      confirm: z.boolean().default(false).describe('confirm a change that lets more data leave'),
    }),
    returns: ShownSettings,
  },
  listTrail: {
    ...requestRoute,
    method: 'GET',
    path: `${path}/trail`,
    cli: 'airlock trail',
    callers: allRoles,
    summary: 'Show the trail of a request, newest first; votes stay hidden until the quorum is complete',
    example: 'airlock trail asthma al-0011223344556677',
    query: PagingQuery,
    returns: pageOf(VisibleEvent),
  },
  listRounds: {
    ...requestRoute,
    method: 'GET',
    path: `${path}/rounds`,
    cli: 'airlock rounds',
    callers: reviewers,
    summary: 'List the completed review rounds, each with its seal and votes',
    example: 'airlock rounds asthma al-0011223344556677',
    query: PagingQuery,
    returns: pageOf(Round),
  },
  ...downloadRoutes,
  ...keyRoutes,
} as const satisfies Record<string, Route>;
