import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { ContainerApproved, ContainerRequested, ContainerWithdrawn } from './events.ts';
import type { BatchPerson, ContainerImage } from './schemas.ts';

export interface ContainerState {
  readonly container: ContainerImage | undefined;
}
type ContainerDecision = Decision<ContainerState>;

export type ContainerCommand =
  | { do: 'request'; project: string; image: string; reason: string; by: BatchPerson }
  /** `obstacle` is a sentence if the registry does not hold the image, because no job could then run it. */
  | { do: 'approve'; by: BatchPerson; isMember: boolean; obstacle: string | undefined }
  | { do: 'withdraw'; by: BatchPerson };

const eventDetail = ({ project, image }: ContainerImage, { id, name }: BatchPerson, now: string) => ({
  project,
  image,
  at: now,
  by: id,
  byName: name,
});

/** Decides which container images the jobs of a project may run. */
export function decideContainer(state: ContainerState, command: ContainerCommand, now: string): ContainerDecision {
  const { container } = state;
  if (command.do === 'request') {
    if (container && container.status !== 'withdrawn') return keepState(state, 'the image was requested before');
    const { project, image, reason, by: person } = command;
    const next: ContainerImage = { status: 'requested', project, image, reason, requested: { by: person, at: now } };
    const event = outgoingEvent(ContainerRequested, { ...eventDetail(next, person, now), reason });
    return { state: { container: next }, events: [event], reason: 'a member requested the image' };
  }
  if (!container)
    throw new Refused(
      'missing',
      'Nobody requested this image for the project. A member requests it: broch container request.',
    );
  const act = { by: command.by, at: now };
  if (command.do === 'withdraw') {
    if (container.status === 'withdrawn') return keepState(state, 'the image was withdrawn before');
    const event = outgoingEvent(ContainerWithdrawn, eventDetail(container, command.by, now));
    const next: ContainerImage = { ...container, status: 'withdrawn', withdrawn: act };
    return { state: { container: next }, events: [event], reason: 'somebody withdrew the image' };
  }
  if (container.status === 'approved') return keepState(state, 'the image was approved before');
  if (container.status === 'withdrawn') throw new Refused('conflict', 'The image was withdrawn. Request it again.');
  if (container.requested.by.id === command.by.id || command.isMember)
    throw new Refused(
      'forbidden',
      `You requested the image, or are or were a member of ${container.project}. Ask somebody else to approve it.`,
    );
  if (command.obstacle !== undefined) throw new Refused('conflict', command.obstacle);
  const event = outgoingEvent(ContainerApproved, eventDetail(container, command.by, now));
  const next: ContainerImage = { ...container, status: 'approved', approved: act };
  return { state: { container: next }, events: [event], reason: 'somebody outside the project approved the image' };
}
