import { outgoingEvent } from '../contract.ts';
import { Refused } from '../refused.ts';
import {
  ImageDeprecated,
  ImagePinned,
  ImagePublished,
  ImageRetired,
  ImageRolledBack,
  ImageUnpinned,
} from './events.ts';
import { type FindingPolicy, judgeFindings, shortenScan } from './policy.ts';
import type { Image, ImageVersionIn } from './schemas.ts';
import {
  decideVersions,
  type ImageDecision,
  type ImagePerson,
  publishedWith,
  requireStatus,
  versionTitle,
} from './versions.ts';

/** The longest time for which a project may keep a version. */
const MAX_PIN_DAYS = 180;
const DAY = 86_400_000;

/** The commands about versions that are approved. */
export type PublicationCommand =
  /** To one project first, then, without `project`, to everyone. */
  | { do: 'publish'; by: ImagePerson; version: number; project?: string | undefined }
  | { do: 'rollBack'; by: ImagePerson; reason: string }
  | { do: 'pin'; by: ImagePerson; version: number; project: string; until: string; reason: string }
  | { do: 'unpin'; by: ImagePerson; project: string; reason: string }
  | { do: 'deprecate'; by: ImagePerson; version: number }
  /** `instances` still run from the version, and the machines of `queues` will. */
  | {
      do: 'retire';
      by: ImagePerson;
      version: number;
      instances: readonly string[];
      queues: readonly string[];
    };
type CommandOf<Name extends PublicationCommand['do']> = Extract<PublicationCommand, { do: Name }>;

export function decidePublication(
  image: Image,
  command: PublicationCommand,
  policy: FindingPolicy,
  now: string,
): ImageDecision {
  switch (command.do) {
    case 'publish':
      return command.project === undefined
        ? publishToEveryone(image, command, policy, now)
        : publishToProject(image, { ...command, project: command.project }, policy, now);
    case 'rollBack':
      return rollBack(image, command, now);
    case 'pin':
      return pin(image, command, now);
    case 'unpin':
      return unpin(image, command, now);
    case 'deprecate':
      return deprecate(image, command, now);
    case 'retire':
      return retire(image, command, now);
  }
}

/** Findings grow older and exceptions end between the approval and the publication. */
function requireAcceptable(
  { scan }: ImageVersionIn<'approved' | 'published'>,
  policy: FindingPolicy,
  now: string,
): void {
  const [reason] = judgeFindings(scan, policy, now);
  if (reason !== undefined) throw new Refused('conflict', `${reason} Build a new version, or agree an exception.`);
}

/** Versions are published in the order of their builds. The only way back is a rollback. */
function publishToProject(
  image: Image,
  { version: number, project, by: person }: CommandOf<'publish'> & { project: string },
  policy: FindingPolicy,
  now: string,
): ImageDecision {
  const version = requireStatus(image, number, 'approved');
  requireAcceptable(version, policy, now);
  const [canary] = publishedWith(image, 'canary');
  if (canary)
    throw new Refused(
      'conflict',
      `${versionTitle(image, canary.version)} is published to ${canary.project} only. Publish it to everyone or roll it back first.`,
    );
  const [current] = publishedWith(image, 'everyone');
  if (current && current.version > number)
    throw new Refused(
      'conflict',
      `Version ${current.version} of ${image.image} is published, which is later than ${number}. To go back, use broch image rollback.`,
    );
  return decideVersions(
    image,
    [{ ...version, status: 'published', reach: 'canary', project, publishedAt: now }],
    'published to one project',
    { contract: ImagePublished, detail: { at: now, by: person.name, project } },
  );
}

function publishToEveryone(
  image: Image,
  { version: number, by: person }: CommandOf<'publish'>,
  policy: FindingPolicy,
  now: string,
): ImageDecision {
  const canary = publishedWith(image, 'canary').find(({ version }) => version === number);
  if (!canary)
    throw new Refused(
      'conflict',
      `Publish ${versionTitle(image, number)} to one project first: broch image publish ${image.image} ${number} --project.`,
    );
  requireAcceptable(canary, policy, now);
  const { project: _, ...version } = canary;
  const formers = publishedWith(image, 'everyone').map(current => ({ ...current, reach: 'former' }) as const);
  return decideVersions(image, [{ ...version, reach: 'everyone', publishedAt: now }, ...formers], 'published', {
    contract: ImagePublished,
    detail: { at: now, by: person.name },
  });
}

const toApproved = ({ reach: _, project: __, publishedAt: ___, ...version }: ImageVersionIn<'published'>) =>
  ({ ...version, status: 'approved' }) as const;

/** Undoes the last publication: of the version that one project has, or else of the version that everyone has. */
function rollBack(image: Image, { by: person, reason }: CommandOf<'rollBack'>, now: string): ImageDecision {
  const fact = { contract: ImageRolledBack, detail: { at: now, by: person.name, reason } };
  const [canary] = publishedWith(image, 'canary');
  if (canary) return decideVersions(image, [toApproved(canary)], 'one project goes back', fact);
  const [current] = publishedWith(image, 'everyone');
  const previous = publishedWith(image, 'former').at(-1);
  if (!current || !previous)
    throw new Refused(
      'conflict',
      `There is no earlier version of ${image.image} to go back to. Build and publish a corrected version.`,
    );
  // What is taken back is taken back for everybody, also for projects that wanted to keep it.
  const pins = image.pins.filter(({ version }) => version !== current.version);
  return decideVersions(
    { ...image, pins },
    [toApproved(current), { ...previous, reach: 'everyone' }],
    'everyone goes back',
    fact,
  );
}

/** One pin for each project: a new one replaces it. */
function pin(image: Image, command: CommandOf<'pin'>, now: string): ImageDecision {
  const { version: number, project, until: end, by: person, reason } = command;
  const version = requireStatus(image, number, 'published');
  const time = Date.parse(end) - Date.parse(now);
  if (!(time > 0 && time <= MAX_PIN_DAYS * DAY))
    throw new Refused('invalid', `A pin ends in the future, and within ${MAX_PIN_DAYS} days. Give another date.`);
  const author = { id: person.id, name: person.name };
  const pins = image.pins.filter(old => old.project !== project && Date.parse(old.until) > Date.parse(now));
  return {
    state: { ...image, pins: [...pins, { project, version: number, until: end, by: author, at: now, reason }] },
    events: [
      outgoingEvent(ImagePinned, {
        image: image.image,
        version: number,
        ami: version.build.ami,
        at: now,
        by: person.name,
        project,
        reason,
      }),
    ],
    reason: 'a project keeps this version',
  };
}

/** The project starts from the published version again. */
function unpin(image: Image, { project, by: person, reason }: CommandOf<'unpin'>, now: string): ImageDecision {
  const livePin = image.pins.find(old => old.project === project && Date.parse(old.until) > Date.parse(now));
  if (!livePin)
    throw new Refused('missing', `Project ${project} keeps no version of ${image.image}, so there is no pin to end.`);
  const detail = { image: image.image, version: livePin.version, at: now, by: person.name, project, reason };
  return {
    state: { ...image, pins: image.pins.filter(old => old.project !== project) },
    events: [outgoingEvent(ImageUnpinned, detail)],
    reason: 'a project returns to the published version',
  };
}

function requireUnpinned(image: Image, number: number, now: string): void {
  const livePin = image.pins.find(({ version, until: end }) => version === number && Date.parse(end) > Date.parse(now));
  if (livePin)
    throw new Refused(
      'conflict',
      `Project ${livePin.project} keeps ${versionTitle(image, number)} until ${livePin.until}. Pin another version for it, or end the pin: broch image unpin ${image.image} ${livePin.project}.`,
    );
}

/** From then on nobody can start from the version. */
function deprecate(image: Image, { version: number, by: person }: CommandOf<'deprecate'>, now: string): ImageDecision {
  const version = requireStatus(image, number, 'approved', 'published');
  if (version.status === 'published' && version.reach !== 'former')
    throw new Refused(
      'conflict',
      `${versionTitle(image, number)} is what ${version.project ?? 'everyone'} starts from. Publish a later version or roll it back first.`,
    );
  requireUnpinned(image, number, now);
  const next = version.status === 'published' ? toApproved(version) : version;
  const scan = shortenScan(next.scan);
  return decideVersions(image, [{ ...next, scan, status: 'deprecated', deprecatedAt: now }], 'deprecated', {
    contract: ImageDeprecated,
    detail: { at: now, by: person.name },
  });
}

/** Gives the machine image and its disks up, if nothing refers to it any more. */
function retire(image: Image, command: CommandOf<'retire'>, now: string): ImageDecision {
  const { version: number, by: person, instances, queues } = command;
  const version = requireStatus(image, number, 'deprecated', 'rejected', 'failed');
  const { build, version: _, startedBy, startedAt, recipe, attempt, attemptedAt } = version;
  if (!build)
    throw new Refused(
      'conflict',
      `The build of ${versionTitle(image, number)} made no machine image, so there is nothing to delete.`,
    );
  if (instances.length > 0)
    throw new Refused(
      'conflict',
      `${instances.length} machines were made from ${versionTitle(image, number)}: ${instances.slice(0, 5).join(', ')}. Retire it when they are gone: the owners archive or delete their workspaces.`,
    );
  if (queues.length > 0)
    throw new Refused(
      'conflict',
      `Queues of batch jobs start machines from ${versionTitle(image, number)}: ${queues.slice(0, 5).join(', ')}. Close them first, and open them again for a newer version.`,
    );
  return decideVersions(
    image,
    [{ status: 'retired', version: number, startedBy, startedAt, recipe, attempt, attemptedAt, build, retiredAt: now }],
    'retired',
    { contract: ImageRetired, detail: { at: now, by: person.name } },
  );
}
