import { countAgeDays, type Image, type ImageVersion } from './schemas.ts';
import { publishedWith } from './versions.ts';

/** Starts builds that nobody asked for. No person has this id, so any operator who changes no recipe may approve. */
export const platform = { id: 'broch', name: 'broch' } as const;

/** What a build would be made of today. */
export interface BuildInputs {
  readonly recipe: string;
  /** The newest base image; left out if none was found. */
  readonly base?: string | undefined;
}

const DAY = 86_400_000;
/** After a failure the platform tries again only if the recipe has changed, or after this many days. */
const RETRY_DAYS = 7;

const isLost = ({ status }: ImageVersion) => ['failed', 'rejected', 'retired', 'deprecated'].includes(status);
const isRunning = ({ status }: ImageVersion) => ['building', 'testing', 'scanning'].includes(status);

/** Why an image that is in use should be built again; nothing if the newest version, published or on its way, will do. */
export function listBuildCauses(image: Image, { recipe, base }: BuildInputs, maxDays: number, now: string): string[] {
  const newest = image.versions.findLast(version => !isLost(version));
  if (publishedWith(image, 'everyone').length === 0 || !newest) return [];
  const build = 'build' in newest ? newest.build : undefined;
  const age = build ? countAgeDays(build, now) : 0;
  return [
    ...(newest.recipe === recipe ? [] : ['Its recipe has changed.']),
    ...(base && build && build.base !== base ? [`There is a newer base image, ${base}.`] : []),
    ...(age > maxDays ? [`It is ${age} days old; an image is built again after ${maxDays} days.`] : []),
  ];
}

/** Whether the platform starts a build for these causes now. */
export function mayBuild({ versions }: Image, { recipe }: BuildInputs, now: string): boolean {
  const latest = versions.at(-1);
  if (!latest || versions.some(isRunning)) return false;
  const isRecent = Date.parse(now) - Date.parse(latest.startedAt) < RETRY_DAYS * DAY;
  return !(isLost(latest) && latest.recipe === recipe && isRecent);
}
