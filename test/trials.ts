/** What a kind of trial covers, as a line of text: an AWS call and how it fails, a function, a state. */
export type TrialKinds<T> = (trial: T) => readonly string[];

/** `npm run test:trials` makes every trial. Any other run makes a sample. */
export const areTrialsComplete = process.env.BROCH_TRIALS === 'all';

/** The first trials, in their order, that together cover every kind. */
export function sampleTrials<T>(trials: readonly T[], kindsOf: TrialKinds<T>): T[] {
  const covered = new Set<string>();
  return trials.filter(trial => {
    const newKinds = kindsOf(trial).filter(kind => !covered.has(kind));
    for (const kind of newKinds) covered.add(kind);
    return newKinds.length > 0;
  });
}

/** The trials that this run makes. Prints how many of how many they are, and the command that makes all of them. */
export function selectTrials<T>(title: string, trials: readonly T[], kindsOf: TrialKinds<T>): T[] {
  if (areTrialsComplete) {
    console.log(`${title}: all ${trials.length} trials`);
    return [...trials];
  }
  const sample = sampleTrials(trials, kindsOf);
  const kinds = new Set(trials.flatMap(kindsOf)).size;
  console.log(
    `${title}: ${sample.length} of ${trials.length} trials, which cover all ${kinds} kinds; npm run test:trials makes every one`,
  );
  return sample;
}

/**
 * How often a run tries a property with values that it invents each time: as often as given when trials are complete,
 * a quarter as often otherwise.
 */
export const sampleRuns = (runs: number): number => (areTrialsComplete ? runs : Math.ceil(runs / 4));
