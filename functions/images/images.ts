import { ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import {
  ImageApprovalOpened,
  ImageApprovalVoided,
  ImageApproved,
  ImageBuildStarted,
  ImageFailed,
  ImageRejected,
} from './events.ts';
import { approvalDigest, type FindingPolicy, judgeFindings, shortenScan, summariseScan } from './policy.ts';
import { decidePublication, type PublicationCommand } from './publication.ts';
import type { Image, ImageBuild, ImageFinding, ImageName, ImageVersion } from './schemas.ts';
import {
  decideVersions,
  findVersion,
  type ImageDecision,
  type ImagePerson,
  plainVersion,
  requireIndependent,
  requireStatus,
  versionTitle,
} from './versions.ts';

/** All versions are in one row. The oldest that failed or are retired are forgotten first. */
const MAX_VERSIONS = 20;

/** The rules of the organisation that decisions about images follow. */
export interface ImageRules {
  readonly policy: FindingPolicy;
  /** The names of the people who change recipes. They approve no image. */
  readonly authors: readonly string[];
}

interface StepOfRun {
  readonly version: number;
  readonly attempt: number;
}

/** The commands of people and of the steps of the workflow. */
export type ImageCommand =
  | { do: 'build'; by: ImagePerson; recipe: string }
  | { do: 'retest'; by: ImagePerson; version: number; deadlineSeconds: number }
  | ({ do: 'recordTask'; token: string } & StepOfRun)
  | ({ do: 'recordBuild'; build: ImageBuild } & StepOfRun)
  | ({ do: 'recordSmokeTests' } & StepOfRun)
  | ({ do: 'recordFindings'; findings: readonly ImageFinding[] } & StepOfRun)
  | ({ do: 'recordFailure'; reason: string } & StepOfRun)
  | { do: 'approve'; by: ImagePerson; version: number; digest: string }
  | { do: 'reject'; by: ImagePerson; version: number; reason: string }
  | PublicationCommand;
type CommandOf<Name extends ImageCommand['do']> = Extract<ImageCommand, { do: Name }>;

export const emptyImage = (image: ImageName): Image => ({ image, versions: [], pins: [] });

/** Decides the next state of an image and its versions. */
export function decideImage(image: Image, command: ImageCommand, rules: ImageRules, now: string): ImageDecision {
  switch (command.do) {
    case 'build':
      return startBuild(image, command, now);
    case 'retest':
      return retest(image, command, now);
    case 'approve':
      return approve(image, command, rules, now);
    case 'reject':
      return reject(image, command, now);
    case 'publish':
    case 'rollBack':
    case 'pin':
    case 'deprecate':
    case 'retire':
      return decidePublication(image, command, rules.policy, now);
    default:
      return decideStep(image, command, rules, now);
  }
}

function decideStep(
  image: Image,
  command: Extract<ImageCommand, StepOfRun>,
  rules: ImageRules,
  now: string,
): ImageDecision {
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

const isSettled = ({ status }: ImageVersion) => status === 'failed' || status === 'retired';

/** A new version. Its number is the order in which versions may be published. */
function startBuild(image: Image, { by: person, recipe }: CommandOf<'build'>, now: string): ImageDecision {
  const number = Math.max(0, ...image.versions.map(({ version }) => version)) + 1;
  const version: ImageVersion = {
    status: 'building',
    version: number,
    startedBy: { id: person.id, name: person.name },
    startedAt: now,
    recipe,
    attempt: 1,
    attemptedAt: now,
  };
  const surplus = image.versions.length + 1 - MAX_VERSIONS;
  const forgotten = new Set(image.versions.filter(isSettled).slice(0, Math.max(0, surplus)));
  if (surplus > forgotten.size)
    throw new Refused(
      'conflict',
      `${image.image} has ${image.versions.length} versions. Retire some before you build another.`,
    );
  const versions = [...image.versions.filter(candidate => !forgotten.has(candidate)), version];
  return decideVersions({ ...image, versions }, [version], 'an operator started a build', {
    contract: ImageBuildStarted,
    detail: { at: now, by: person.name },
  });
}

/**
 * Runs the workflow again: for a build that never started or passed its deadline, or to test an existing version. Until
 * its findings are the same as before, its approval does not apply.
 */
function retest(image: Image, command: CommandOf<'retest'>, now: string): ImageDecision {
  const version = requireStatus(
    image,
    command.version,
    'building',
    'testing',
    'scanning',
    'awaitingApproval',
    'approved',
  );
  const isOverdue = Date.parse(now) > Date.parse(version.attemptedAt) + command.deadlineSeconds * 1000;
  const run = { ...plainVersion(version), attempt: version.attempt + 1, attemptedAt: now };
  if (version.status === 'building') {
    if (!isOverdue) return keepState(image, 'the build may not have started');
    return decideVersions(image, [{ ...run, status: 'building' }], 'the build passed its deadline');
  }
  if ((version.status === 'testing' || version.status === 'scanning') && !isOverdue)
    throw new Refused(
      'conflict',
      `${versionTitle(image, version.version)} is being tested. Wait until that has ended.`,
    );
  const approval = 'approval' in version ? version.approval : undefined;
  const next: ImageVersion = { ...run, status: 'testing', build: version.build, ...(approval && { approval }) };
  const contract = ImageApprovalVoided;
  const detail = { at: now, by: command.by.name, reason: 'It is tested again.' };
  return decideVersions(image, [next], 'an operator had it tested again', approval && { contract, detail });
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

function approve(
  image: Image,
  { version: number, by: person, digest }: CommandOf<'approve'>,
  { policy, authors }: ImageRules,
  now: string,
): ImageDecision {
  const version = requireStatus(image, number, 'awaitingApproval');
  requireIndependent(image, version, person, authors);
  if (digest !== version.digest)
    throw new Refused(
      'mismatch',
      `The digest is not that of ${versionTitle(image, number)} as it is now. Read it again: broch image findings ${image.image} ${number}.`,
    );
  const [reason] = judgeFindings(version.scan, policy, now);
  if (reason !== undefined) throw new Refused('conflict', reason);
  const approval = { by: { id: person.id, name: person.name }, at: now, digest };
  return decideVersions(image, [{ ...version, status: 'approved', approval }], 'somebody else approved it', {
    contract: ImageApproved,
    detail: { at: now, by: person.name },
  });
}

function reject(image: Image, command: CommandOf<'reject'>, now: string): ImageDecision {
  const { by: person, reason } = command;
  const version = requireStatus(image, command.version, 'awaitingApproval', 'approved');
  const { build, scan, digest } = version;
  const rejectedBy = { id: person.id, name: person.name };
  return decideVersions(
    image,
    [
      {
        ...plainVersion(version),
        build,
        scan: shortenScan(scan),
        digest,
        status: 'rejected',
        reason,
        rejectedBy,
        rejectedAt: now,
      },
    ],
    'somebody rejected it',
    { contract: ImageRejected, detail: { at: now, by: person.name, reason } },
  );
}
