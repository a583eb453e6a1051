import type { Image, ImageName } from '../images/schemas.ts';
import { Refused } from '../refused.ts';

/**
 * The machine image that a project's desktop starts from: the version that the project pinned, the one that is published
 * to it alone, or the one that everyone has. All others are refused: unapproved, replaced, deprecated and foreign images.
 */
export function selectImage(name: ImageName, image: Image | undefined, project: string, now: string): string {
  const versions = (image?.versions ?? []).filter(version => version.status === 'published');
  const pin = image?.pins.find(
    candidate => candidate.project === project && Date.parse(candidate.until) > Date.parse(now),
  );
  const canary = versions.find(version => version.reach === 'canary' && version.project === project);
  const selection = pin
    ? versions.find(({ version }) => version === pin.version)
    : (canary ?? versions.find(({ reach }) => reach === 'everyone'));
  if (selection) return selection.build.ami;
  throw new Refused(
    'conflict',
    `No version of the image ${name} is published. Ask your operator to publish one: broch image list.`,
  );
}
