import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { completeTask, startExecution } from '../executions.ts';
import { type Caller, http, type User } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { rowKey } from '../keys.ts';
import { hasProject, readMembership } from '../membership.ts';
import { findPerson, readGroups } from '../people.ts';
import { Project } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { issueUploadCredentials } from '../storage/upload-credentials.ts';
import { readRow } from '../table.ts';
import { type Command, decideRequest } from './airlock.ts';
import { admitSubmission } from './check-turns.ts';
import { announceDamage, revokeDamagedRequest } from './damaged-requests.ts';
import { countReviewers, loadContext } from './decision-context.ts';
import { type RequestParams, requestLoader } from './load-request.ts';
import { pageFiles, pageReports, readSealManifest } from './manifest-queries.ts';
import { pageSettings, readDatasetGrants, readSettings, writeSettings } from './project-settings.ts';
import { revokeDownload } from './release/download.ts';
import { signingKeys } from './release/key.ts';
import { parseAirlockConfig } from './request/airlock-config.ts';
import { DamagedRequest, damagedView } from './request/damage.ts';
import { applyDeadlines } from './request/deadlines.ts';
import { decideOnce, type RequestDecision } from './request/decision.ts';
import { type Request, requestId } from './request/request.ts';
import { requestView } from './request/request-view.ts';
import { draftRequest, refuseUnlessImportable } from './request/requester-commands.ts';
import { shownSettings } from './request/settings.ts';
import { summariseRequest, summaryFor } from './request/summary.ts';
import { visibleEvents } from './request/trail-visibility.ts';
import type { Ballot } from './request/votes.ts';
import { pageRounds, readRound } from './rounds.ts';
import { airlockRoutes } from './routes.ts';
import { refuseUnlessSeen } from './seen-files.ts';
import { changeRequest, createRequest, pageRequests, pageTrail, readRequest, WAITING_SUFFIX } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  UPLOADS_BUCKET: z.string(),
  UPLOADS_KEY_ARN: z.string(),
  UPLOAD_ROLE_ARN: z.string(),
  REGION: z.string(),
  POOL_ID: z.string(),
  MACHINE: z.string(),
  RELEASE_MACHINE: z.string(),
  SIGNING_KEY: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3, Cognito, KMS, Step Functions and DynamoDB, each for an operation here.
const { TABLE_NAME, AIRLOCK_BUCKET, POOL_ID, MACHINE, RELEASE_MACHINE, RULES, ...variables } = env.parse(process.env);
const landing = {
  bucket: variables.UPLOADS_BUCKET,
  key: variables.UPLOADS_KEY_ARN,
  role: variables.UPLOAD_ROLE_ARN,
  region: variables.REGION,
};
const rules = parseAirlockConfig(RULES);
const { look, find, findForReview, viewed } = requestLoader(TABLE_NAME, rules);

/** Decides a person's command on the current state and writes the result. The table's stream publishes the events. */
async function run(
  { user, params: { project, request: id }, mark }: { user: Caller; params: RequestParams; mark: string },
  command: (actor: User) => Command,
): Promise<RequestDecision> {
  const now = currentTime();
  const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, async read => {
    const facts = await loadContext({ table: TABLE_NAME, pool: POOL_ID, rules }, read, user);
    return decideOnce(read, mark, () => decideRequest(read, command(user), now, facts));
  });
  if (decision.wake !== undefined) await completeTask(decision.wake);
  return decision;
}

const startAttempt = (machine: string, { id, project, attempt }: Request, entry: 'start' | 'review') =>
  startExecution(machine, `${id}-${attempt}`, { project, request: id, attempt, from: entry });

/** Where the workflow starts: at the review of a seal, or at the sealing. */
const startOf = ({ state }: RequestDecision) => (state.status === 'inReview' ? 'review' : 'start');

async function answer(user: Caller, { state }: RequestDecision) {
  return requestView(state, user, await look(state, user));
}

/**
 * Finds the recipient by user name: only researchers can download. All refusals are the same, so that members cannot find
 * out who has an account.
 */
async function recipientOf(userName: string | undefined) {
  if (userName === undefined) return undefined;
  const person = await findPerson(POOL_ID, userName).catch((error: unknown) => {
    if (!(error instanceof Refused)) throw error;
    return undefined;
  });
  const recipient = person && { id: person.user, name: person.name };
  if (!recipient || !(await readGroups(POOL_ID, recipient)).includes('researcher'))
    throw new Refused('invalid', `${userName} cannot receive a release. Name a person who signs in as a researcher.`);
  return recipient;
}

/** The files of a ballot with their places in the sealed manifest. */
async function numberFiles(user: Caller, params: RequestParams, files: Ballot['files']) {
  const { request } = await findForReview(user, params);
  const sealedPaths = (await readSealManifest(AIRLOCK_BUCKET, request)).files.map(({ path }) => path);
  const unknown = files.map(({ path }) => path).filter(path => !sealedPaths.includes(path));
  if (unknown.length > 0)
    throw new Refused(
      'invalid',
      'These files are not among the sealed files. Name files as `airlock files` shows them.',
      unknown,
    );
  return files.map(file => ({ ...file, file: sealedPaths.indexOf(file.path) + 1 }));
}

async function cast(call: { user: Caller; params: RequestParams; mark: string }, ballot: Ballot) {
  const { user, params } = call;
  const files = ballot.files.length > 0 ? await numberFiles(user, params, ballot.files) : [];
  if (ballot.extent !== undefined)
    await refuseUnlessSeen(
      { table: TABLE_NAME, bucket: AIRLOCK_BUCKET },
      (await findForReview(user, params)).request,
      user.id,
      ballot,
    );
  return answer(user, await run(call, actor => ({ do: 'vote', by: actor, ballot: { ...ballot, files } })));
}

/** Lists are written with the requests. Entries whose deadline has passed since are read again. */
async function page(user: User, project: string, query: { limit: number; next?: string | undefined }) {
  const now = currentTime();
  const { items, next } = await pageRequests(TABLE_NAME, project, query);
  const current = await Promise.all(
    items.map(async ({ revision: _, ...item }) => {
      if (item.status === 'damaged') await announceDamage(TABLE_NAME, item);
      if (item.due === undefined || now < item.due) return item;
      try {
        const request = await readRequest(TABLE_NAME, item.project, item.id);
        return summariseRequest(applyDeadlines(request, now, rules).request);
      } catch (error) {
        if (!(error instanceof DamagedRequest)) throw error;
        await announceDamage(TABLE_NAME, item);
        return { ...item, status: 'damaged' as const };
      }
    }),
  );
  return { items: current.map(item => summaryFor(user, item)), ...(next !== undefined && { next }) };
}

export const handler = http(
  airlockRoutes,
  'airlock',
  {
    async draftRequest({ user, params: { project }, body, mark }) {
      if ((await readRow(TABLE_NAME, Project, rowKey('project', project)))?.status !== 'ready')
        throw new Refused(
          'conflict',
          `Project ${project} is not ready, so it has no airlock yet. Wait until it is ready.`,
        );
      const now = currentTime();
      const id = requestId(now, randomInt(2 ** 20));
      const draft = { ...body, recipient: await recipientOf(body.recipient) };
      const decision = draftRequest({ id, project, ...draft }, user, now, { rules });
      return requestView(await createRequest(TABLE_NAME, decision, now, mark), user, 'project');
    },
    async importAccess({ user, params }) {
      const { request } = await find(user, params);
      refuseUnlessImportable(request, user);
      return issueUploadCredentials(landing, request.source, request.id);
    },
    async editRequest({ user, params, body, mark }) {
      const change = { ...body, recipient: await recipientOf(body.recipient) };
      return answer(user, await run({ user, params, mark }, actor => ({ do: 'edit', by: actor, change })));
    },
    async submitRequest({ user, params, mark }) {
      const { request } = await find(user, params);
      await admitSubmission(TABLE_NAME, rules, request, { person: user.id, now: currentTime() });
      const decision = await run({ user, params, mark }, actor => ({ do: 'submit', by: actor }));
      await startAttempt(MACHINE, decision.state, startOf(decision));
      return answer(user, decision);
    },
    async withdrawRequest({ user, params, body, mark }) {
      return answer(user, await run({ user, params, mark }, actor => ({ do: 'withdraw', by: actor, ...body })));
    },
    listRequests: ({ user, params: { project }, query }) => page(user, project, query),
    listQueue: ({ user, query: { which: selection, ...query } }) =>
      page(user, selection === 'all' ? '' : WAITING_SUFFIX, query),
    async showRequest({ user, params }) {
      try {
        const { request, eye } = await find(user, params);
        return requestView(request, user, eye);
      } catch (error) {
        if (!(error instanceof DamagedRequest)) throw error;
        const view = damagedView(error);
        await announceDamage(TABLE_NAME, view);
        return view;
      }
    },
    async listFiles({ user, params, query }) {
      const target = await findForReview(user, params);
      const { round, ...paging } = query;
      const earlierSeal =
        round === undefined ? undefined : (await readRound(TABLE_NAME, target.request.id, round)).seal;
      const page = await pageFiles(AIRLOCK_BUCKET, target.request, paging, earlierSeal);
      await viewed(user, target, 'The list of files.', { path: page.items[0]?.path });
      return page;
    },
    async showChecks({ user, params, query }) {
      const target = await findForReview(user, params);
      const page = await pageReports(AIRLOCK_BUCKET, target.request, query);
      await viewed(user, target, 'Reports with cells.', { path: page.items[0]?.path });
      return page;
    },
    async listTrail({ user, params, query }) {
      const { request, eye } = await find(user, params);
      return pageTrail(TABLE_NAME, request.id, query, entry => visibleEvents(entry, request, user, eye));
    },
    async listRounds({ user, params, query }) {
      const { request } = await findForReview(user, params);
      const { items, next } = await pageRounds(TABLE_NAME, request.id, query);
      return { items: items.map(({ revision: _, ...round }) => round), ...(next !== undefined && { next }) };
    },
    reviewRequest: call => cast(call, call.body),
    returnRequest: call => cast(call, { ...call.body, verdict: 'return' }),
    async releaseRequest({ user, params, mark }) {
      const decision = await run({ user, params, mark }, actor => ({ do: 'release', by: actor }));
      await startAttempt(RELEASE_MACHINE, decision.state, 'start');
      return answer(user, decision);
    },
    async revokeRequest({ user, params, body, mark }) {
      const decision = await run({ user, params, mark }, actor => ({ do: 'revoke', by: actor, ...body })).catch(
        (error: unknown) => {
          if (!(error instanceof DamagedRequest)) throw error;
          const facts = { table: TABLE_NAME, pool: POOL_ID, rules };
          return revokeDamagedRequest(facts, error, { actor: user, ...body, now: currentTime() });
        },
      );
      // The revoked request already disables all links. The grant is revoked as well, if there is one.
      const { direction } = decision.state;
      if (decision.state.status === 'revoked' && direction === 'export' && decision.state.release)
        await revokeDownload(TABLE_NAME, params, user.id, body.reason, currentTime());
      return answer(user, decision);
    },
    async resumeRequest({ user, params, mark }) {
      const decision = await run({ user, params, mark }, actor => ({ do: 'resume', by: actor }));
      await startAttempt(MACHINE, decision.state, startOf(decision));
      return answer(user, decision);
    },
    async reissueReview({ user, params, mark }) {
      const decision = await run({ user, params, mark }, actor => ({ do: 'reissue', by: actor }));
      await startAttempt(MACHINE, decision.state, 'review');
      return answer(user, decision);
    },
    async showSettings({ params: { project } }) {
      return shownSettings(rules, await readSettings(TABLE_NAME, project));
    },
    async listSettings({ params: { project }, query }) {
      const { items, next } = await pageSettings(TABLE_NAME, project, query);
      return { items: items.map(({ revision: _, ...ruling }) => ruling), ...(next !== undefined && { next }) };
    },
    async changeSettings({ user, params: { project }, body: { settings: patch, ...body }, mark }) {
      if (!(await readRow(TABLE_NAME, Project, rowKey('project', project))))
        throw new Refused('missing', `There is no project ${project}.`);
      if (((await user.membership())?.roles.length ?? 0) > 0)
        throw new Refused(
          'forbidden',
          `Members of ${project} cannot change its airlock settings. Ask an operator who is not a member.`,
        );
      const reviewers = await countReviewers({ table: TABLE_NAME, pool: POOL_ID }, project, user.id);
      const grants = await readDatasetGrants(TABLE_NAME, project);
      const command = { patch, ...body, reviewers, grants, by: user.id, byName: user.name, at: currentTime() };
      return shownSettings(rules, await writeSettings(TABLE_NAME, project, rules, command, mark));
    },
    ...signingKeys({ table: TABLE_NAME, key: variables.SIGNING_KEY }),
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
