import { ignoreStaleStep, keepState } from '../decision.ts';
import { ImageApprovalOpened, ImageApproved, ImageFailed, ImageRejected } from './events.ts';
import { approvalDigest, judgeFindings, shortenScan, summariseScan } from './policy.ts';
import type { Image, ImageBuild, ImageFinding, ImageVersion } from './schemas.ts';
import {
  decideVersions,
  findVersion,
  type ImageDecision,
  type ImageRules,
  plainVersion,
  requireStatus,
} from './versions.ts';

interface StepOfRun {
  readonly version: number;
  readonly attempt: number;
}

/** The commands of the steps of the workflow. */
export type RunCommand =
  | ({ do: 'recordTask'; token: string } & StepOfRun)
  | ({ do: 'recordBuild'; build: ImageBuild } & StepOfRun)
  | ({ do: 'recordSmokeTests' } & StepOfRun)
  | ({ do: 'recordFindings'; findings: readonly ImageFinding[] } & StepOfRun)
  | ({ do: 'recordFailure'; reason: string } & StepOfRun);
type CommandOf<Name extends RunCommand['do']> = Extract<RunCommand, { do: Name }>;

/** Decides what a step of a run changes. A step of an earlier attempt changes nothing. */
export function decideRun(image: Image, command: RunCommand, rules: ImageRules, now: string): ImageDecision {
  if (findVersion(image, command.version).attempt !== command.attempt) return ignoreStaleStep(image);
  switch (command.do) {
    case 'recordTask':
      return recordTask(image, command);
    case 'recordBuild':
      return recordBuild(image, command);
    case 'recordSmokeTests':
      return recordSmokeTests(image, command);
    case 'recordFindings':
      return recordFindings(image, command, rules, now);
    case 'recordFailure':
      return recordFailure(image, command, now);
  }
}

/** The workflow waits under `token`. If the build has ended already, it is woken at once. */
function recordTask(image: Image, { version: number, token }: CommandOf<'recordTask'>): ImageDecision {
  const version = findVersion(image, number);
  if (version.status !== 'building') return { ...keepState(image, 'the build has ended'), wake: token };
  return decideVersions(image, [{ ...version, token }], 'the workflow waits for the build');
}

/** Wakes the workflow again if the event of the build is delivered again, because the first try may have failed. */
const wakeAgain = (version: ImageVersion) => ('token' in version && version.token ? { wake: version.token } : {});

function recordBuild(image: Image, { version: number, build }: CommandOf<'recordBuild'>): ImageDecision {
  const version = findVersion(image, number);
  if (version.status !== 'building') return { ...keepState(image, 'the build is on record'), ...wakeAgain(version) };
  const next = { ...version, status: 'testing', build } as const;
  return { ...decideVersions(image, [next], 'the build succeeded'), ...wakeAgain(version) };
}

function recordSmokeTests(image: Image, { version: number }: CommandOf<'recordSmokeTests'>): ImageDecision {
  const version = requireStatus(image, number, 'testing', 'scanning');
  if (version.status === 'scanning') return keepState(image, 'the smoke tests are on record');
  const { token: _, ...candidate } = version;
  return decideVersions(image, [{ ...candidate, status: 'scanning' }], 'the smoke tests passed');
}

/** Judges the findings by the policy. The same findings as before confirm an earlier approval; others make it void. */
function recordFindings(
  image: Image,
  { version: number, findings }: CommandOf<'recordFindings'>,
  { policy }: ImageRules,
  now: string,
): ImageDecision {
  const version = findVersion(image, number);
  if (version.status !== 'scanning') return keepState(image, 'the findings are on record');
  const scan = summariseScan(findings, now);
  const digest = approvalDigest(version.recipe, version.build, scan);
  const assessment = { ...plainVersion(version), build: version.build, scan, digest };
  const [reason] = judgeFindings(scan, policy, now);
  if (reason !== undefined)
    return decideVersions(
      image,
      [{ ...assessment, scan: shortenScan(scan), status: 'rejected', reason, rejectedAt: now }],
      'the policy refuses a finding',
      { contract: ImageRejected, detail: { at: now, reason } },
    );
  if (version.approval?.digest === digest)
    return decideVersions(
      image,
      [{ ...assessment, status: 'approved', approval: version.approval }],
      'the approval is confirmed',
      { contract: ImageApproved, detail: { at: now, by: version.approval.by.name } },
    );
  return decideVersions(image, [{ ...assessment, status: 'awaitingApproval' }], 'the policy accepts it', {
    contract: ImageApprovalOpened,
    detail: { at: now },
  });
}

/** Ends a run. What is published stays, because a version that fails was not published. */
function recordFailure(
  image: Image,
  { version: number, reason }: CommandOf<'recordFailure'>,
  now: string,
): ImageDecision {
  const version = findVersion(image, number);
  if (version.status !== 'building' && version.status !== 'testing' && version.status !== 'scanning')
    return { ...keepState(image, 'the run has ended'), ...wakeAgain(version) };
  const build = 'build' in version ? version.build : undefined;
  const token = 'token' in version ? version.token : undefined;
  const decision = decideVersions(
    image,
    [
      {
        ...plainVersion(version),
        status: 'failed',
        reason,
        failedAt: now,
        ...(build && { build }),
        ...(token && { token }),
      },
    ],
    'the run failed',
    { contract: ImageFailed, detail: { at: now, reason } },
  );
  return { ...decision, ...wakeAgain(version) };
}
