import { keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { ImageApprovalVoided, ImageApproved, ImageBuildStarted, ImageRejected } from './events.ts';
import { findGap, judgeFindings, shortenScan } from './policy.ts';
import { decidePublication, type PublicationCommand } from './publication.ts';
import { decideRun, type RunCommand } from './run.ts';
import type { Image, ImageName, ImageVersion } from './schemas.ts';
import { type BuildInputs, listBuildCauses, mayBuild, platform } from './upkeep.ts';
import {
  decideVersions,
  type ImageDecision,
  type ImagePerson,
  type ImageRules,
  plainVersion,
  requireIndependent,
  requireStatus,
  versionTitle,
} from './versions.ts';

/** All versions are in one row. The oldest that failed or are retired are forgotten first. */
const MAX_VERSIONS = 20;

/** The commands of people and of the steps of the workflow. */
export type ImageCommand =
  | { do: 'build'; by: ImagePerson; recipe: string }
  /** The platform looks whether the image should be built again. */
  | ({ do: 'keepUp' } & BuildInputs)
  | { do: 'retest'; by: ImagePerson; version: number; deadlineSeconds: number }
  | RunCommand
  | { do: 'approve'; by: ImagePerson; version: number; digest: string; reason?: string | undefined }
  | { do: 'reject'; by: ImagePerson; version: number; reason: string }
  | PublicationCommand;
type CommandOf<Name extends ImageCommand['do']> = Extract<ImageCommand, { do: Name }>;

export const emptyImage = (image: ImageName): Image => ({ image, versions: [], pins: [] });

/** Decides the next state of an image and its versions. */
export function decideImage(image: Image, command: ImageCommand, rules: ImageRules, now: string): ImageDecision {
  switch (command.do) {
    case 'build':
      return startBuild(image, command, now);
    case 'keepUp':
      return keepUp(image, command, rules, now);
    case 'retest':
      return retest(image, command, now);
    case 'approve':
      return approve(image, command, rules, now);
    case 'reject':
      return reject(image, command, now);
    case 'publish':
    case 'rollBack':
    case 'pin':
    case 'unpin':
    case 'deprecate':
    case 'retire':
      return decidePublication(image, command, rules.policy, now);
    default:
      return decideRun(image, command, rules, now);
  }
}

/**
 * Decides once for a call, which `mark` names. The answer of a call can be lost after its decision was written. Its
 * repetition then changes nothing, so that a rollback does not go back twice.
 */
export function decideCall(image: Image, mark: string, decide: () => ImageDecision): ImageDecision {
  if (mark !== '' && image.mark === mark) return keepState(image, 'the call is repeated');
  const decision = decide();
  return decision.state === image ? decision : { ...decision, state: { ...decision.state, mark } };
}

const isSettled = ({ status }: ImageVersion) => status === 'failed' || status === 'retired';

/** A new version. Its number is the order in which versions may be published. */
function startBuild(
  image: Image,
  { by: person, recipe }: CommandOf<'build'>,
  now: string,
  cause?: string,
): ImageDecision {
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
  return decideVersions({ ...image, versions }, [version], 'a build was started', {
    contract: ImageBuildStarted,
    detail: { at: now, ...(cause === undefined ? { by: person.name } : { reason: cause }) },
  });
}

/** Records why an image should be built again, and builds it unless that has just failed or is running. */
function keepUp(image: Image, inputs: CommandOf<'keepUp'>, { buildDays }: ImageRules, now: string): ImageDecision {
  const causes = listBuildCauses(image, inputs, buildDays, now);
  const next = { ...image, check: { at: now, causes } };
  const isFull = image.versions.length >= MAX_VERSIONS && !image.versions.some(isSettled);
  if (causes.length === 0 || isFull || !mayBuild(image, inputs, now))
    return { state: next, events: [], reason: 'nothing is to be built now' };
  return startBuild(next, { do: 'build', by: platform, recipe: inputs.recipe }, now, causes.join(' '));
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

function approve(
  image: Image,
  { version: number, by: person, digest, reason: acceptance }: CommandOf<'approve'>,
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
  const gap = findGap(version.scan);
  if (gap !== undefined && acceptance === undefined)
    throw new Refused(
      'conflict',
      `GuardDuty has not searched all of ${versionTitle(image, number)} for malware. ${gap} Have it tested again, or say with --reason why you accept that.`,
    );
  const approval = {
    by: { id: person.id, name: person.name },
    at: now,
    digest,
    ...(acceptance !== undefined && { reason: acceptance }),
  };
  return decideVersions(image, [{ ...version, status: 'approved', approval }], 'somebody else approved it', {
    contract: ImageApproved,
    detail: { at: now, by: person.name, ...(acceptance !== undefined && { reason: acceptance }) },
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
