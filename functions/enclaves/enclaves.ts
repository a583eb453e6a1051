import { outgoingEvent } from '../contract.ts';
import { type Decision, ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import {
  RunApproved,
  RunAttested,
  RunAuthorised,
  RunCompleted,
  RunFailed,
  RunLapsed,
  RunProposed,
  RunRefused,
} from './events.ts';
import type { EnclaveRun, RunManifest, RunParty, RunPerson, SignedOutputs } from './schemas.ts';

export type RunState = { readonly run: EnclaveRun | undefined };
type RunDecision = Decision<RunState>;

export type EnclaveRunCommand =
  | {
      do: 'propose';
      manifest: RunManifest;
      digest: string;
      parties: Record<RunParty, RunPerson>;
      by: RunPerson;
      deadlines: Record<RunParty, string>;
    }
  | { do: 'approve'; by: RunPerson; manifest: string; grant: string; keys: Readonly<Record<string, string>> }
  | { do: 'refuse'; by: RunPerson; reason: string }
  /** A deadline passed, or the manifest ended. */
  | { do: 'lapse' }
  | { do: 'start'; instance?: string }
  | { do: 'attest'; module: string; manifest: string }
  | { do: 'complete'; request: string; outputs: SignedOutputs }
  | { do: 'fail'; reason: string };

/** The id of a run proposed at `now`; `chance` is a whole number below 2^20. */
export const createRunId = (now: string, chance: number): string =>
  `er-${Date.parse(now).toString(16).padStart(11, '0')}${chance.toString(16).padStart(5, '0')}`;

const parties = ['data', 'code'] as const satisfies readonly RunParty[];
const partyTitles = { data: 'the data owner', code: 'the code partner' } as const satisfies Record<RunParty, string>;
/** The packed files of a party, whose keys it has. */
export const packedObjects = ({ manifest }: EnclaveRun, party: RunParty) =>
  party === 'code' ? [manifest.artefact] : manifest.inputs;
/** The longest time from the proposal of a run to the end of its manifest, and so of its approvals. */
export const LONGEST_DAYS = 90;
const isPast = (time: string, now: string) => Date.parse(time) <= Date.parse(now);
const eventOf = ({ id, project, digest }: EnclaveRun, now: string) => ({ run: id, project, manifest: digest, at: now });
const authorOf = ({ id, name }: RunPerson) => ({ by: id, byName: name });

/** The party that a person decides for; nobody else decides, and nobody for two. */
export const partyOf = (run: EnclaveRun, { id }: RunPerson): RunParty | undefined =>
  parties.find(party => run.parties[party].id === id);

/** Decides what becomes of a run. */
export function decideEnclaveRun(state: RunState, command: EnclaveRunCommand, now: string): RunDecision {
  if (command.do === 'propose') return proposeRun(state, command, now);
  const { run } = state;
  if (!run) throw new Refused('missing', 'There is no such run.');
  switch (command.do) {
    case 'approve':
      return approveRun(state, run, command, now);
    case 'refuse':
      return refuseRun(run, command, now);
    case 'lapse':
      return lapseRun(state, run, now);
    case 'start':
      return startRun(state, run, command, now);
    case 'attest':
      return attestRun(state, run, command, now);
    case 'complete':
      return completeRun(state, run, command, now);
    case 'fail':
      return failRun(state, run, command, now);
  }
}

function proposeRun(
  { run: previous }: RunState,
  { manifest, digest, parties: people, by: person, deadlines }: Extract<EnclaveRunCommand, { do: 'propose' }>,
  now: string,
): RunDecision {
  if (previous) throw new Refused('conflict', 'Two runs were proposed at once. Try again, with a new Idempotency-Key.');
  if (people.data.id === people.code.id)
    throw new Refused('conflict', `${people.data.name} owns the data, so somebody else must decide for the code.`);
  if (isPast(manifest.notAfter, now) || !isPast(manifest.notBefore, manifest.notAfter))
    throw new Refused('invalid', 'The manifest ends before it begins, or in the past. Correct notBefore and notAfter.');
  if (Date.parse(manifest.notAfter) > Date.parse(now) + LONGEST_DAYS * 24 * 3600_000)
    throw new Refused('invalid', `The manifest must end within ${LONGEST_DAYS} days from now. Correct notAfter.`);
  for (const party of parties)
    if (isPast(deadlines[party], now) || !isPast(deadlines[party], manifest.notAfter))
      throw new Refused(
        'invalid',
        `The deadline of ${partyTitles[party]} is not between now and the end of the manifest. Correct dataHours or codeHours.`,
      );
  const run: EnclaveRun = {
    status: 'proposed',
    id: manifest.run,
    project: manifest.project,
    manifest,
    digest,
    parties: people,
    proposedBy: person,
    proposedAt: now,
    deadlines,
    approvals: {},
  };
  const event = outgoingEvent(RunProposed, {
    ...eventOf(run, now),
    ...authorOf(person),
    data: people.data.id,
    code: people.code.id,
  });
  return { state: { run }, events: [event], reason: 'the run was proposed' };
}

function requireParty(run: EnclaveRun, person: RunPerson): RunParty {
  const party = partyOf(run, person);
  if (!party)
    throw new Refused(
      'forbidden',
      `Only ${run.parties.data.name}, for the data, and ${run.parties.code.name}, for the code, decide about this run.`,
    );
  return party;
}

/** Where a party may upload a packed file of its own: what the other party owns it cannot replace, nor anything once the run began. */
export function findUploadKey(run: EnclaveRun, person: RunPerson, sha256: string): string {
  const party = requireParty(run, person);
  if (run.status !== 'proposed' && run.status !== 'authorised')
    throw new Refused('conflict', `The run is ${run.status} and takes no more files. Propose a new run.`);
  const object = packedObjects(run, party).find(packed => packed.sha256 === sha256);
  if (!object)
    throw new Refused(
      'missing',
      `The manifest names no packed file with the SHA-256 ${sha256} for ${partyTitles[party]}. Upload the file that it names: broch enclave show.`,
    );
  return object.key;
}

function approveRun(
  state: RunState,
  run: EnclaveRun,
  { by: person, manifest, grant, keys }: Extract<EnclaveRunCommand, { do: 'approve' }>,
  now: string,
): RunDecision {
  const party = requireParty(run, person);
  if (manifest !== run.digest)
    throw new Refused('conflict', `The run has another manifest, ${run.digest}. Read it first: broch enclave show.`);
  const previous = run.approvals[party];
  if (previous && run.status !== 'refused' && run.status !== 'lapsed')
    return keepState(state, 'the party approved before');
  if (run.status !== 'proposed') throw new Refused('conflict', `The run is ${run.status}. Propose it again.`);
  for (const { sha256: hash } of packedObjects(run, party))
    if (!(hash in keys))
      throw new Refused(
        'conflict',
        `The approval has no key for the packed file ${hash}. \`broch enclave grant\` sends all keys.`,
      );
  if (isPast(run.deadlines[party], now))
    throw new Refused('conflict', `The time to decide ended at ${run.deadlines[party]}. Propose the run again.`);
  const approvals = { ...run.approvals, [party]: { by: person, at: now, manifest, grant, keys } };
  const isComplete = parties.every(role => approvals[role]?.manifest === run.digest);
  const next: EnclaveRun = { ...run, approvals, status: isComplete ? 'authorised' : 'proposed' };
  const events = [
    outgoingEvent(RunApproved, { ...eventOf(run, now), ...authorOf(person), party }),
    ...(isComplete ? [outgoingEvent(RunAuthorised, eventOf(run, now))] : []),
  ];
  return {
    state: { run: next },
    events,
    reason: isComplete ? 'both parties approved' : `${partyTitles[party]} approved`,
  };
}

/** Refuses a run, or takes an approval back. The event stops the workflow of a run that is going on. */
function refuseRun(
  run: EnclaveRun,
  { by: person, reason }: Extract<EnclaveRunCommand, { do: 'refuse' }>,
  now: string,
): RunDecision {
  const party = requireParty(run, person);
  if (run.status !== 'proposed' && run.status !== 'authorised' && run.status !== 'running')
    throw new Refused('conflict', `The run is ${run.status}, so it cannot be refused.`);
  const next: EnclaveRun = { ...baseOf(run), status: 'refused', by: person, reason, endedAt: now };
  const event = outgoingEvent(RunRefused, { ...eventOf(run, now), ...authorOf(person), party, reason });
  return { state: { run: next }, events: [event], reason: `${partyTitles[party]} refused` };
}

function lapseRun(state: RunState, run: EnclaveRun, now: string): RunDecision {
  if (run.status === 'authorised' && isPast(run.manifest.notAfter, now)) return endAsLapsed(run, UNSTARTED, now);
  if (run.status !== 'proposed') return ignoreStaleStep(state);
  const late = parties.filter(party => !run.approvals[party] && isPast(run.deadlines[party], now));
  if (late.length === 0) return keepState(state, 'no deadline has passed');
  return endAsLapsed(run, `${late.map(party => partyTitles[party]).join(' and ')} did not decide in time`, now);
}

const UNSTARTED = 'nobody started it before its manifest ended';

function endAsLapsed(run: EnclaveRun, reason: string, now: string): RunDecision {
  const next: EnclaveRun = { ...baseOf(run), status: 'lapsed', reason, endedAt: now };
  return { state: { run: next }, events: [outgoingEvent(RunLapsed, { ...eventOf(run, now), reason })], reason };
}

/** Starts a run. An approval is for one run, so a second start is refused. */
function startRun(
  state: RunState,
  run: EnclaveRun,
  { instance }: Extract<EnclaveRunCommand, { do: 'start' }>,
  now: string,
): RunDecision {
  if (run.status === 'running' && instance !== undefined && run.instance === undefined)
    return { state: { run: { ...run, instance } }, events: [], reason: 'the parent was launched' };
  if (run.status === 'running' && run.instance === instance) return keepState(state, 'it was started before');
  if (run.status !== 'authorised') throw new Refused('conflict', `The run is ${run.status}, so it cannot start.`);
  if (!isPast(run.manifest.notBefore, now) || isPast(run.manifest.notAfter, now))
    throw new Refused(
      'conflict',
      `The manifest is valid from ${run.manifest.notBefore} to ${run.manifest.notAfter} only. Start the run in this time, or propose it again.`,
    );
  const next: EnclaveRun = { ...run, status: 'running', startedAt: now, ...(instance !== undefined && { instance }) };
  return { state: { run: next }, events: [], reason: 'the run started' };
}

function attestRun(
  state: RunState,
  run: EnclaveRun,
  { module, manifest }: Extract<EnclaveRunCommand, { do: 'attest' }>,
  now: string,
): RunDecision {
  if (run.status !== 'running') return ignoreStaleStep(state);
  if (manifest !== run.digest) throw new Refused('conflict', 'The enclave attested another manifest.');
  if (run.attestedAt !== undefined) {
    if (run.module === module) return keepState(state, 'it was attested before');
    throw new Refused('conflict', `The enclave ${run.module} attested this run before. Another may not.`);
  }
  const next: EnclaveRun = { ...run, attestedAt: now, module };
  return {
    state: { run: next },
    events: [outgoingEvent(RunAttested, { ...eventOf(run, now), module })],
    reason: 'the enclave was attested',
  };
}

function completeRun(
  state: RunState,
  run: EnclaveRun,
  { request, outputs }: Extract<EnclaveRunCommand, { do: 'complete' }>,
  now: string,
): RunDecision {
  if (run.status !== 'running') return ignoreStaleStep(state);
  if (run.attestedAt === undefined)
    throw new Refused('conflict', 'The enclave did not attest itself, so its outputs prove nothing.');
  const next: EnclaveRun = { ...run, status: 'completed', request, outputs, endedAt: now };
  return {
    state: { run: next },
    events: [outgoingEvent(RunCompleted, { ...eventOf(run, now), request, requester: run.proposedBy, outputs })],
    reason: 'the outputs are in the airlock',
  };
}

function failRun(
  state: RunState,
  run: EnclaveRun,
  { reason }: Extract<EnclaveRunCommand, { do: 'fail' }>,
  now: string,
): RunDecision {
  if (run.status !== 'authorised' && run.status !== 'running') return ignoreStaleStep(state);
  const startedAt = run.status === 'running' ? { startedAt: run.startedAt } : {};
  const next: EnclaveRun = { ...baseOf(run), ...startedAt, status: 'failed', reason, endedAt: now };
  return { state: { run: next }, events: [outgoingEvent(RunFailed, { ...eventOf(run, now), reason })], reason };
}

/** What every run has, whatever became of it. */
const baseOf = ({
  id,
  project,
  manifest,
  digest,
  parties: people,
  proposedBy,
  proposedAt,
  deadlines,
  approvals,
}: EnclaveRun) => ({
  id,
  project,
  manifest,
  digest,
  parties: people,
  proposedBy,
  proposedAt,
  deadlines,
  approvals,
});
