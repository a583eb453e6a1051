import { datasetFolder } from '../../functions/datasets/schemas.ts';
import type { RunEvidence } from '../../functions/enclaves/evidence.ts';
import type { ApprovedLoader, EnclaveRun, RunParty } from '../../functions/enclaves/schemas.ts';
import { formatFields, hangingText, indentedTexts } from './layout.ts';
import {
  escapeForTerminal,
  formatBytes,
  formatCount,
  formatStatusWords,
  formatTime,
  type OutputScreen,
} from './output.ts';

function decisionOf({ parties, approvals, deadlines }: EnclaveRun, party: RunParty): string {
  const approval = approvals[party];
  const name = escapeForTerminal(parties[party].name);
  return approval ? `${name}, approved ${formatTime(approval.at)}` : `${name}, until ${formatTime(deadlines[party])}`;
}

/** What became of a run, in sentences. */
function progressLines(run: EnclaveRun): string[] {
  const lines: string[] = [];
  if ('startedAt' in run && run.startedAt)
    lines.push(
      `Started ${formatTime(run.startedAt)}${'instance' in run && run.instance ? ` on ${run.instance}` : ''}.`,
    );
  if ('attestedAt' in run && run.attestedAt) lines.push(`${run.module} attested itself ${formatTime(run.attestedAt)}.`);
  if (run.status === 'completed') {
    const { packed: bytes, sha256 } = run.outputs;
    lines.push(
      `Completed ${formatTime(run.endedAt)}: the outputs are in the request ${run.request}. Packed outputs: ${formatBytes(bytes)}, SHA-256 ${sha256}`,
    );
  }
  if (run.status === 'refused') lines.push(`Refused by ${run.by.name}, ${formatTime(run.endedAt)}: ${run.reason}`);
  if (run.status === 'lapsed' || run.status === 'failed') lines.push(`Ended ${formatTime(run.endedAt)}: ${run.reason}`);
  return lines.map(escapeForTerminal);
}

/** A run with its whole manifest, which the parties decide about. */
export function formatEnclaveRun(run: EnclaveRun, { width }: OutputScreen): string {
  const { manifest, digest } = run;
  const { loader, artefact, inputs, outputs, limits } = manifest;
  const packed = (object: { key: string; bytes: number; sha256: string; kmsKey: string }) =>
    `${escapeForTerminal(object.key)}, ${formatBytes(object.bytes)}, SHA-256 ${object.sha256}, key ${object.kmsKey}`;
  const rows: [string, string][] = [
    ['run', `${run.id} of ${run.project}: ${formatStatusWords(run.status)}`],
    ['proposed', `${formatTime(run.proposedAt)} by ${escapeForTerminal(run.proposedBy.name)}`],
    ['data owner', decisionOf(run, 'data')],
    ['code partner', decisionOf(run, 'code')],
    ['manifest', digest],
    ['loader', `PCR0 ${loader.pcr0}, PCR1 ${loader.pcr1}, PCR2 ${loader.pcr2}`],
    ['code', packed(artefact)],
    ...inputs.map((input): [string, string] => [
      `data ${input.dataset}`,
      `version ${input.version} at /data/${datasetFolder(input)}: ${packed(input)}`,
    ]),
    [
      'outputs',
      `at most ${formatCount(outputs.maxFiles)} files and ${formatBytes(outputs.maxBytes)}, key ${outputs.kmsKey}`,
    ],
    [
      'limits',
      `${formatCount(limits.vcpus)} vCPUs, ${formatCount(limits.memoryMiB)} MiB, ${formatCount(limits.seconds)} seconds`,
    ],
    ['nonce', manifest.nonce],
    ['valid', `${formatTime(manifest.notBefore)} to ${formatTime(manifest.notAfter)}, version ${manifest.v}`],
  ];
  const progress = progressLines(run);
  return formatFields([...rows, ...progress.map((line): [string, string] => ['', line])], width);
}

/** The runs of a project, each with who decides about it. */
export function formatEnclaveRuns(runs: readonly EnclaveRun[], { width }: OutputScreen): string {
  if (runs.length === 0) return 'There are no enclave runs yet. Propose one: broch enclave propose';
  return runs
    .map(run => {
      const head = `${run.id}  ${run.project}: ${formatStatusWords(run.status)}, proposed ${formatTime(run.proposedAt)} by ${escapeForTerminal(run.proposedBy.name)}`;
      const lines = [
        `Data: ${decisionOf(run, 'data')}`,
        `Code: ${decisionOf(run, 'code')}`,
        `Manifest: ${run.digest}`,
        ...progressLines(run),
      ];
      return [hangingText(head, width), indentedTexts(lines, width)].join('\n');
    })
    .join('\n');
}

/** The loader, and what a party does with its measurements before it approves anything. */
export function formatEnclaveLoader({ version, measurements }: ApprovedLoader, { width }: OutputScreen): string {
  const { pcr0, pcr1, pcr2 } = measurements;
  return formatFields(
    [
      ['loader', `of version ${version} of the image enclave-parent`],
      ['PCR0', pcr0],
      ['PCR1', pcr1],
      ['PCR2', pcr2],
      ['to check them', 'build the image from the same sources, and compare: sh enclave/image/build.sh measured'],
      ['to use them', `broch enclave keys --pcr0 ${pcr0}`],
    ],
    width,
  );
}

/** What evidence there is. It is a file to keep and to check, not to read. */
export function formatEnclaveEvidence({ manifest, approvals }: RunEvidence, { width }: OutputScreen): string {
  return formatFields(
    [
      ['run', `${manifest.run} of ${manifest.project}`],
      [
        'approved',
        `${escapeForTerminal(approvals.data.by.name)}, for the data; ${escapeForTerminal(approvals.code.by.name)}, for the code`,
      ],
      ['to keep it', '--json > evidence.json'],
      ['to check it', 'broch enclave verify-evidence evidence.json'],
    ],
    width,
  );
}
