import { describe, expect, it } from 'vitest';
import { decideEnclaveRun, type EnclaveRunCommand, type RunState } from '../../functions/enclaves/enclaves.ts';
import { machineFor } from '../../functions/enclaves/machine.ts';
import { archiveFiles } from '../../functions/enclaves/pack/archive.ts';
import { readOutputArchive, requirePermittedOutputs } from '../../functions/enclaves/pack/archive-reader.ts';
import type { ReportTimes } from '../../functions/enclaves/parent-reports.ts';
import { judgeProgress } from '../../functions/enclaves/progress.ts';
import { explainEnclaveFailure } from '../../functions/enclaves/reasons.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import { fileOf } from '../../local/enclaves/parties.ts';
import { boundKeys, codePartner, dataOwner, digest, manifest, minutesOn, proposal, runTime } from './runs.ts';

const approvalOf = (person: typeof dataOwner): EnclaveRunCommand => ({
  do: 'approve',
  by: person,
  manifest: digest,
  grant: 'grant',
  keys: boundKeys,
});
const runAfter = (...commands: EnclaveRunCommand[]): EnclaveRun => {
  const start: RunState = { run: undefined };
  const { run } = [
    proposal,
    approvalOf(dataOwner),
    approvalOf(codePartner),
    { do: 'start' } as const,
    ...commands,
  ].reduce((state, command) => decideEnclaveRun(state, command, runTime).state, start);
  if (!run) throw new Error('no run');
  return run;
};
const attestation: EnclaveRunCommand = { do: 'attest', module: 'i-1-enc1', manifest: digest };
const time = (minutes: number) => Date.parse(minutesOn(minutes));

describe('a look at a run', () => {
  it.each<[string, EnclaveRun, ReportTimes, number, string | RegExp]>([
    ['waits for the instance', runAfter(), {}, 1, 'wait'],
    ['waits while the instance reports', runAfter(attestation), { heartbeat: time(3) }, 4, 'wait'],
    ['judges an attestation first', runAfter(), { attestation: 1, result: 1, outputs: 1 }, 1, 'attest'],
    ['seals what an attested enclave left', runAfter(attestation), { result: 1, outputs: 1 }, 1, 'seal'],
    ['does not seal a result without outputs', runAfter(attestation), { heartbeat: time(1), result: 1 }, 1, 'wait'],
    ['ends a run whose loader failed', runAfter(), { failure: 1 }, 1, /^$/],
    ['ends a run whose instance never reports', runAfter(), {}, 21, /did not report/],
    ['ends a run whose instance falls silent', runAfter(), { heartbeat: time(1) }, 7, /stopped reporting/],
    ['ends a run that takes too long', runAfter(attestation), { heartbeat: time(70) }, 71, /in the time/],
    [
      'ends a run whose approval was taken back',
      runAfter({ do: 'refuse', by: codePartner, reason: 'The agreement ended.' }),
      { heartbeat: time(1) },
      1,
      /cora took the approval back: The agreement ended/,
    ],
  ])('%s', (_, run, reports, minutes, expectation) => {
    const progress = judgeProgress(run, reports, time(minutes));
    if (typeof expectation === 'string') expect(progress.next).toBe(expectation);
    else expect(progress).toMatchObject({ next: 'fail', reason: expect.stringMatching(expectation) });
  });
});

it('a machine has room for the enclave and for itself, or the run is refused', () => {
  expect(machineFor(manifest)).toMatchObject({ type: 'm6i.xlarge', vcpus: 2, memoryMiB: 12_288 });
  const large = { ...manifest, limits: { ...manifest.limits, vcpus: 3, memoryMiB: 40_000 } };
  expect(machineFor(large)).toMatchObject({ type: 'm6i.4xlarge', vcpus: 4, memoryMiB: 61_440 });
  const huge = { ...manifest, limits: { ...manifest.limits, memoryMiB: 1_000_000 } };
  expect(() => machineFor(huge)).toThrow(/No machine has/);
});

describe('an archive of outputs', () => {
  const archiveOf = async (...names: string[]) => {
    const parts: Uint8Array[] = [];
    const files = names.map(name => fileOf(name, Buffer.from('n\n1\n')));
    for await (const part of archiveFiles(files, () => {})) parts.push(part);
    return Buffer.concat(parts);
  };

  it('gives its files, also with padding behind them', async () => {
    const padded = Buffer.concat([await archiveOf('a.csv', 'b.csv'), Buffer.alloc(4096)]);
    expect(readOutputArchive(padded).map(({ name, content }) => [name, String(content)])).toEqual([
      ['a.csv', 'n\n1\n'],
      ['b.csv', 'n\n1\n'],
    ]);
  });

  it.each([
    ['as many files and bytes as the manifest permits', 3, 3333, undefined],
    ['one file too many', 4, 1, /more than the 3 files or 10000 bytes/],
    ['one byte too many', 1, 10_001, /more than the 3 files or 10000 bytes/],
  ])('with %s', (_, count, size, reason) => {
    const files = Array.from({ length: count }, (_, index) => ({ name: `f${index}`, content: new Uint8Array(size) }));
    const judging = () => requirePermittedOutputs(manifest, files);
    if (reason) expect(judging).toThrow(reason);
    else expect(judging).not.toThrow();
  });

  it.each([
    ['a path', () => archiveOf('a/b.csv')],
    ['a name that says something', () => archiveOf('Patient 1')],
    ['one name twice', () => archiveOf('a.csv', 'a.csv')],
    ['a link', async () => (await archiveOf('a.csv')).fill('2', 156, 157)],
    ['a size beyond its end', async () => (await archiveOf('a.csv')).fill('7', 124, 135)],
    ['no end', async () => (await archiveOf('a.csv')).subarray(0, 1024)],
  ])('with %s is refused', async (_, archive) => {
    const bytes = await archive();
    expect(() => readOutputArchive(bytes)).toThrow(/archive of outputs/);
  });
});

it.each([
  ['Refused', JSON.stringify({ errorMessage: 'A reason.' }), /^A reason\. Propose/],
  ['InsufficientInstanceCapacity', '', /no capacity/],
  ['TypeError', JSON.stringify({ errorMessage: 'secret' }), /internal error occurred \(TypeError\)/],
  ['<script>', '', /\(unknown\)/],
])('a failure by %s has a reason that hides what people must not see', (error, cause, reason) => {
  const text = explainEnclaveFailure({ error, cause });
  expect(text).toMatch(reason);
  expect(text).not.toContain('secret');
});
