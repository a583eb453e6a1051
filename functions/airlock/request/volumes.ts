import type { Finding } from '../../identifiers.ts';
import type { AirlockConfig } from './airlock-config.ts';

/** What a project, or a person, submitted in a day in one direction: by request and round, in bytes. */
type VolumeCounts = Readonly<Record<string, number>>;
export interface SubmittedVolumes {
  readonly project: VolumeCounts;
  readonly person: VolumeCounts;
}

/**
 * Adds a submission to the day's volumes, or says which cap forbids it. Also names the caps that it nearly reaches.
 * Submitting the same round again adds nothing.
 */
export function admitVolume(
  { project, person }: SubmittedVolumes,
  round: string,
  bytes: number,
  { caps }: AirlockConfig,
): { volumes: SubmittedVolumes; high: string[] } | Finding {
  const volumes = { project: { ...project, [round]: bytes }, person: { ...person, [round]: bytes } };
  const sum = (volume: VolumeCounts) => Object.values(volume).reduce((total, bytes) => total + bytes, 0);
  const count = (volume: VolumeCounts) => Object.keys(volume).length;
  const limits = [
    {
      who: 'The project',
      what: 'submissions',
      cap: caps.dailyRequests,
      before: project,
      next: volumes.project,
      measure: count,
    },
    { who: 'The project', what: 'bytes', cap: caps.dailyBytes, before: project, next: volumes.project, measure: sum },
    { who: 'You', what: 'submissions', cap: caps.personRequests, before: person, next: volumes.person, measure: count },
    { who: 'You', what: 'bytes', cap: caps.personBytes, before: person, next: volumes.person, measure: sum },
  ];
  const excess = limits.find(({ cap, next, measure }) => measure(next) > cap);
  if (excess) {
    const would = `${excess.measure(excess.next)} ${excess.what}`;
    return {
      path: '',
      reason: `${excess.who} would reach ${would} today; ${excess.cap} are allowed. Submit again tomorrow.`,
    };
  }
  const nearsCap = ({ cap, next, measure, before: counts }: (typeof limits)[number]) => {
    const line = (cap * caps.alertPercent) / 100;
    // Without this round, so that a step that runs twice says the same.
    const { [round]: _, ...otherRounds } = counts;
    return measure(otherRounds) < line && measure(next) >= line;
  };
  const high = limits
    .filter(nearsCap)
    .map(
      ({ who: subject, what: unit, cap, next, measure }) =>
        `${subject === 'You' ? 'One person' : subject} has reached ${measure(next)} of ${cap} ${unit} today.`,
    );
  return { volumes, high };
}
