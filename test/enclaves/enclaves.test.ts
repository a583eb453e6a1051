import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideEnclaveRun,
  type EnclaveRunCommand,
  findUploadKey,
  type RunState,
} from '../../functions/enclaves/enclaves.ts';
import { Refused } from '../../functions/refused.ts';
import { sampleRuns } from '../trials.ts';
import {
  boundKeys,
  codePartner,
  dataOwner,
  digest,
  manifest,
  minutesOn,
  outputs,
  proposal,
  researcher,
  runTime,
} from './runs.ts';

const noRun: RunState = { run: undefined };
const approvalOf = (person: typeof dataOwner, hash = digest): Extract<EnclaveRunCommand, { do: 'approve' }> => ({
  do: 'approve',
  by: person,
  manifest: hash,
  grant: `grant-${person.id}`,
  keys: boundKeys,
});
/** The state after commands, each one minute after the one before. */
const play = (commands: readonly EnclaveRunCommand[], state = noRun): RunState =>
  commands.reduce((current, command, index) => decideEnclaveRun(current, command, minutesOn(index)).state, state);
const bothApprovals = [approvalOf(dataOwner), approvalOf(codePartner)];
const attestation: EnclaveRunCommand = { do: 'attest', module: 'i-1-enc1', manifest: digest };
const completion: EnclaveRunCommand = { do: 'complete', request: 'ax-1', outputs };
const running = [proposal, ...bothApprovals, { do: 'start' } as const, attestation];

describe('an upload of a packed file', () => {
  const place = (person: typeof dataOwner, sha256: string, commands: readonly EnclaveRunCommand[] = [proposal]) => {
    const { run } = play(commands);
    if (!run) throw new Error('there is no run');
    return findUploadKey(run, person, sha256);
  };
  const { artefact } = manifest;

  it('goes where the manifest names it, for the party that owns it, before or after it approved', () => {
    expect(place(codePartner, artefact.sha256)).toBe(artefact.key);
    expect(place(dataOwner, 'f'.repeat(64), [proposal, ...bothApprovals])).toBe('data/enclaves/data.pack');
  });

  it("is not of the other party's file, of another file, by anybody else, or once the run began", () => {
    expect(() => place(dataOwner, artefact.sha256)).toThrow(/names no packed file/);
    expect(() => place(codePartner, '0'.repeat(64))).toThrow(/names no packed file/);
    expect(() => place(researcher, artefact.sha256)).toThrow(/Only .* decide/);
    expect(() => place(codePartner, artefact.sha256, running)).toThrow(/running/);
  });
});

describe('a run', () => {
  it('is authorised when both parties approved its manifest, and completes when the attested enclave gave outputs', () => {
    expect(play([proposal, approvalOf(dataOwner)]).run?.status).toBe('proposed');
    const decision = decideEnclaveRun(play([proposal, approvalOf(codePartner)]), approvalOf(dataOwner), minutesOn(2));
    expect(decision.state.run?.status).toBe('authorised');
    expect(decision.events.map(({ type }) => type)).toEqual(['RunApproved', 'RunAuthorised']);
    expect(play([...running, completion]).run).toMatchObject({ status: 'completed', request: 'ax-1', outputs });
  });

  it.each<[string, EnclaveRunCommand[], EnclaveRunCommand, RegExp]>([
    [
      'one person for both parties',
      [],
      { ...proposal, parties: { data: dataOwner, code: dataOwner } },
      /somebody else/,
    ],
    [
      'a manifest that has ended',
      [],
      { ...proposal, manifest: { ...manifest, notAfter: runTime } },
      /ends before it begins/,
    ],
    [
      'a deadline that has passed',
      [],
      { ...proposal, deadlines: { ...proposal.deadlines, code: runTime } },
      /the code partner/,
    ],
    [
      'a deadline after the manifest',
      [],
      { ...proposal, deadlines: { ...proposal.deadlines, data: minutesOn(601) } },
      /the data owner/,
    ],
    ['an approval by the proposer, who is no party', [proposal], approvalOf(researcher), /Only sam/],
    ['an approval of another manifest', [proposal], approvalOf(dataOwner, '0'.repeat(96)), /another manifest/],
    [
      'an approval without the key of its data',
      [proposal],
      { ...approvalOf(dataOwner), keys: {} },
      /The approval has no key for the packed file f/,
    ],
    ['a refusal by nobody concerned', [proposal], { do: 'refuse', by: researcher, reason: 'no' }, /Only sam/],
    [
      'an approval after a refusal',
      [proposal, { do: 'refuse', by: dataOwner, reason: 'no' }],
      approvalOf(codePartner),
      /refused/,
    ],
    ['a start with one approval', [proposal, approvalOf(dataOwner)], { do: 'start' }, /proposed/],
    ['a second start of one approval', [...running, completion], { do: 'start' }, /completed/],
    [
      'a start on another instance',
      [...running.slice(0, 3), { do: 'start', instance: 'i-1' }],
      { do: 'start', instance: 'i-2' },
      /running/,
    ],
    [
      'an attestation of another manifest',
      running.slice(0, 4),
      { ...attestation, manifest: '0'.repeat(96) },
      /another manifest/,
    ],
    ['a second enclave', running, { ...attestation, module: 'i-1-enc2' }, /attested this run before/],
    ['outputs without an attestation', running.slice(0, 4), completion, /did not attest/],
    ['a command about no run', [], { do: 'start' }, /no such run/],
  ])('refuses %s', (_, commands, command, reason) => {
    const state = play(commands);
    expect(() => decideEnclaveRun(state, command, minutesOn(commands.length))).toThrow(reason);
    expect(() => decideEnclaveRun(state, command, minutesOn(commands.length))).toThrow(Refused);
  });

  it('refuses an approval after the deadline of its party, and lapses then, saying who was late', () => {
    const state = play([proposal, approvalOf(codePartner)]);
    expect(() => decideEnclaveRun(state, approvalOf(dataOwner), minutesOn(100))).toThrow(/time to decide/);
    expect(decideEnclaveRun(state, { do: 'lapse' }, minutesOn(99)).state).toBe(state);
    expect(decideEnclaveRun(state, { do: 'lapse' }, minutesOn(100)).state.run).toMatchObject({
      status: 'lapsed',
      reason: 'the data owner did not decide in time',
    });
  });

  it('lapses if nobody starts it before its manifest ends', () => {
    const state = play([proposal, ...bothApprovals]);
    expect(decideEnclaveRun(state, { do: 'lapse' }, minutesOn(599)).state).toBe(state);
    const { state: end, events } = decideEnclaveRun(state, { do: 'lapse' }, minutesOn(600));
    expect(end.run).toMatchObject({ status: 'lapsed', reason: 'nobody started it before its manifest ended' });
    expect(events).toMatchObject([{ type: 'RunLapsed' }]);
    const going = play(running);
    expect(decideEnclaveRun(going, { do: 'lapse' }, minutesOn(600)).state).toBe(going);
  });

  it('does not start outside the time of its manifest', () => {
    const state = play([proposal, ...bothApprovals]);
    expect(() => decideEnclaveRun(state, { do: 'start' }, minutesOn(600))).toThrow(/valid from/);
  });

  it('ends as refused when a party takes its approval back while it goes on', () => {
    const { state, events } = decideEnclaveRun(
      play(running),
      { do: 'refuse', by: codePartner, reason: 'changed mind' },
      minutesOn(9),
    );
    expect(state.run).toMatchObject({ status: 'refused', reason: 'changed mind' });
    expect(events).toMatchObject([{ type: 'RunRefused', detail: { party: 'code' } }]);
    expect(decideEnclaveRun(state, completion, minutesOn(10)).superseded).toBe(true);
  });

  it('changes nothing when a step happens twice', () => {
    for (const [index, command] of running.entries()) {
      if (command.do === 'propose') continue;
      const { state } = decideEnclaveRun(play(running.slice(0, index)), command, minutesOn(index));
      expect(decideEnclaveRun(state, command, minutesOn(index)).state).toBe(state);
    }
  });
});

const people = [dataOwner, codePartner, researcher];
const anyCommand: fc.Arbitrary<EnclaveRunCommand> = fc.oneof(
  fc.constant(proposal),
  fc.record({
    do: fc.constant('approve' as const),
    by: fc.constantFrom(...people),
    manifest: fc.constantFrom(digest, '0'.repeat(96)),
    grant: fc.constant('grant'),
    keys: fc.constant(boundKeys),
  }),
  fc.record({ do: fc.constant('refuse' as const), by: fc.constantFrom(...people), reason: fc.constant('no') }),
  fc.constant({ do: 'lapse' as const }),
  fc.record({ do: fc.constant('start' as const), instance: fc.constantFrom('i-1', 'i-2') }),
  fc.record({
    do: fc.constant('attest' as const),
    module: fc.constantFrom('m-1', 'm-2'),
    manifest: fc.constantFrom(digest, '0'.repeat(96)),
  }),
  fc.record({
    do: fc.constant('complete' as const),
    request: fc.constant('ax-1'),
    outputs: fc.constant(outputs),
  }),
  fc.record({ do: fc.constant('fail' as const), reason: fc.constant('the parent vanished') }),
);

it('no sequence of commands runs an enclave without both approvals of its manifest, or twice', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyCommand, fc.integer({ min: 0, max: 40 })), { maxLength: 25 }), steps => {
      let [state, minute, startCount] = [noRun, 0, 0];
      for (const [command, pause] of steps) {
        minute += pause;
        const previous = state.run;
        try {
          state = decideEnclaveRun(state, command, minutesOn(minute)).state;
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
        }
        const { run } = state;
        if (run?.status === 'running' && previous?.status !== 'running') startCount++;
        if (run && ['authorised', 'running', 'completed'].includes(run.status)) {
          expect([run.approvals.data?.by, run.approvals.code?.by]).toEqual([dataOwner, codePartner]);
          expect([run.approvals.data?.manifest, run.approvals.code?.manifest]).toEqual([digest, digest]);
          expect((run.approvals.data?.at ?? '') < proposal.deadlines.data).toBe(true);
        }
        if (run?.status === 'completed') {
          expect(run.attestedAt).toBeDefined();
        }
        // An end is final.
        if (previous && ['completed', 'refused', 'lapsed', 'failed'].includes(previous.status))
          expect(run).toBe(previous);
      }
      expect(startCount).toBeLessThanOrEqual(1);
    }),
    { numRuns: sampleRuns(500) },
  );
});
