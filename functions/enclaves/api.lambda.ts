import { randomBytes, randomInt } from 'node:crypto';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { type Caller, http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { Image, imageKey } from '../images/schemas.ts';
import { hasProject, readMembership } from '../membership.ts';
import { findPerson, readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { readObject } from '../storage/object-read.ts';
import { issueUploadCredentials } from '../storage/upload-credentials.ts';
import { readRow } from '../table.ts';
import { findApprovedLoader, PARENT_IMAGE, requireApprovedLoader } from './approved-loader.ts';
import { readNetwork } from './attempt.ts';
import { createRunId, decideEnclaveRun, type EnclaveRunCommand, findUploadKey, partyOf } from './enclaves.ts';
import { RunEvidence } from './evidence.ts';
import { readInputTerms, requireGrantedInputs } from './input-records.ts';
import { machineFor } from './machine.ts';
import { manifestDigest } from './manifest.ts';
import { readReleaseRecord } from './release.ts';
import { enclavesRoutes } from './routes.ts';
import { type EnclaveRun, evidenceKey, type RunManifest, type RunPerson } from './schemas.ts';
import { changeEnclaveRun, pageEnclaveRuns, pagePartyRuns, readEnclaveRun } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  MACHINE: z.string(),
  RUN_MACHINE: z.string(),
  EVIDENCE_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  UPLOAD_ROLE_ARN: z.string(),
  POOL_ID: z.string(),
});
const { TABLE_NAME, MACHINE, RUN_MACHINE, EVIDENCE_BUCKET, RELEASE_BUCKET, UPLOAD_ROLE_ARN, POOL_ID } = env.parse(
  process.env,
);

const personOf = ({ id, name }: Caller): RunPerson => ({ id, name });
const hoursOn = (now: string, hours: number) => new Date(Date.parse(now) + hours * 3600_000).toISOString();

async function decide(place: { project: string; id: string }, command: EnclaveRunCommand): Promise<EnclaveRun> {
  const now = currentTime();
  const { state } = await changeEnclaveRun(TABLE_NAME, place, read => decideEnclaveRun(read, command, now), now);
  if (!state.run) throw new Error('a run that was just decided is missing');
  return state.run;
}

/** The one person who owns all the data of a run. */
async function findDataOwner(inputs: RunManifest['inputs']): Promise<RunPerson> {
  const datasets = [...new Set(inputs.map(({ dataset }) => dataset))];
  const owners = await Promise.all(
    datasets.map(async dataset => {
      const terms = await readInputTerms(TABLE_NAME, dataset);
      if (!terms || terms.withdrawn)
        throw new Refused('conflict', `The dataset ${dataset} has no owner, or was withdrawn. Choose another.`);
      return { id: terms.owner, name: terms.ownerName };
    }),
  );
  const [owner, ...rest] = owners;
  if (!owner || rest.some(({ id }) => id !== owner.id))
    throw new Refused('conflict', 'The datasets have different owners. A run takes the data of one owner.');
  return owner;
}

async function findCodePartner(name: string): Promise<RunPerson> {
  const person = await findPerson(POOL_ID, name);
  const groups = await readGroups(POOL_ID, { id: person.user, name: person.name });
  if (!groups.includes('partner'))
    throw new Refused(
      'conflict',
      `${person.name} is not in the group partner and cannot decide for the code. An operator can add them.`,
    );
  return { id: person.user, name: person.name };
}

async function findRun(project: string, id: string, user: Caller): Promise<EnclaveRun> {
  const run = await readEnclaveRun(TABLE_NAME, project, id);
  if (!run) throw new Refused('missing', `The project ${project} has no run ${id}. See broch enclave list ${project}.`);
  return requireSight(run, user);
}

/** Members and operators see every run of a project; a party that is neither sees its own. */
async function requireSight(run: EnclaveRun, user: Caller): Promise<EnclaveRun> {
  if (user.groups.includes('operator') || partyOf(run, user) || (await user.membership())) return run;
  throw new Refused('forbidden', 'Only the parties of this run, members of its project and operators see it.');
}

export const handler = http(
  enclavesRoutes,
  'enclaves',
  {
    proposeEnclaveRun: async ({ user, params: { project }, body: { codePartner, dataHours, codeHours, ...body } }) => {
      const now = currentTime();
      const [data, code, image] = await Promise.all([
        findDataOwner(body.inputs),
        findCodePartner(codePartner),
        readRow(TABLE_NAME, Image, imageKey(PARENT_IMAGE)),
        requireGrantedInputs(TABLE_NAME, project, body.inputs, now),
      ]);
      const loader = body.loader ?? findApprovedLoader(image, project, now).measurements;
      requireApprovedLoader(loader, image, project, now);
      const id = createRunId(now, randomInt(2 ** 20));
      const nonce = randomBytes(32).toString('hex');
      const manifest: RunManifest = { ...body, loader, v: 1, run: id, project, nonce, notBefore: now };
      machineFor(manifest);
      const deadlines = { data: hoursOn(now, dataHours), code: hoursOn(now, codeHours) };
      const run = await decide(
        { project, id },
        {
          do: 'propose',
          manifest,
          digest: manifestDigest(manifest),
          parties: { data, code },
          by: personOf(user),
          deadlines,
        },
      );
      // One minute later the manifest has ended by every clock.
      const times = [...Object.values(deadlines).toSorted(), hoursOn(manifest.notAfter, 1 / 60)];
      await startExecution(MACHINE, id, { project, run: id, deadlines: times });
      return run;
    },
    listEnclaveRuns: ({ params: { project }, query }) => pageEnclaveRuns(TABLE_NAME, project, query),
    listPartyEnclaveRuns: ({ user, query }) => pagePartyRuns(TABLE_NAME, user.id, query),
    showEnclaveLoader: async ({ query }) => {
      const image = await readRow(TABLE_NAME, Image, imageKey(PARENT_IMAGE));
      const { version, measurements } = findApprovedLoader(image, query.project ?? '', currentTime());
      return { version, measurements };
    },
    showEnclaveRun: ({ user, params: { project, run: id } }) => findRun(project, id, user),
    startEnclaveRun: async ({ params: { project, run: id } }) => {
      const present = await readEnclaveRun(TABLE_NAME, project, id);
      if (present?.status === 'authorised')
        await requireGrantedInputs(TABLE_NAME, project, present.manifest.inputs, currentTime());
      const run = await decide({ project, id }, { do: 'start' });
      await startExecution(RUN_MACHINE, id, { project, run: id });
      return run;
    },
    showEnclaveEvidence: async ({ user, params: { project, run: id } }) => {
      const run = await findRun(project, id, user);
      if (run.status !== 'completed')
        throw new Refused('conflict', `The run is ${run.status}; only a completed run has evidence.`);
      const bytes = await readObject({ bucket: EVIDENCE_BUCKET, key: evidenceKey(run) });
      const release = await readReleaseRecord(RELEASE_BUCKET, run.request);
      return { ...RunEvidence.parse(JSON.parse(Buffer.from(bytes).toString())), ...(release && { release }) };
    },
    openEnclaveUpload: async ({ user, params: { project, run: id }, body: { sha256 } }) => {
      const key = findUploadKey(await findRun(project, id, user), user, sha256);
      const { network } = await readNetwork(TABLE_NAME, project);
      const region = network.keyArn.split(':')[3] ?? '';
      const target = { bucket: network.bucket, key: network.keyArn, role: UPLOAD_ROLE_ARN, region };
      return issueUploadCredentials(target, key, id);
    },
    approveEnclaveRun: ({ user, params: { project, run: id }, body }) =>
      decide({ project, id }, { do: 'approve', by: personOf(user), ...body }),
    refuseEnclaveRun: ({ user, params: { project, run: id }, body: { reason } }) =>
      decide({ project, id }, { do: 'refuse', by: personOf(user), reason }),
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
