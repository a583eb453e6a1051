/** Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26: the error is below 1.5e-7. */
function erf(x: number): number {
  const reciprocal = 1 / (1 + 0.3275911 * x);
  const series =
    ((((1.061405429 * reciprocal - 1.453152027) * reciprocal + 1.421413741) * reciprocal - 0.284496736) * reciprocal +
      0.254829592) *
    reciprocal;
  return 1 - series * Math.exp(-x * x);
}

/**
 * How likely two counts of different people would come as near to each other as these, had they the same expectation:
 * the difference of two Poisson counts. No pair of unrelated tables is nearer than that other than by chance.
 */
export function nearnessProbability(first: number, second: number): number {
  const spread = Math.sqrt(2 * Math.max(1, first + second));
  return Math.max(1e-300, Math.min(1, erf((Math.abs(first - second) + 0.5) / spread)));
}

/** Fisher's combination of independent probabilities: how likely all of them together come by chance. */
export function combineProbabilities(logs: number, count: number): number {
  const half = -logs;
  if (count === 0) return 1;
  if (count > 300) {
    // Wilson and Hilferty's normal approximation to chi-squared with 2 * count degrees of freedom.
    const freedom = 2 * count;
    const deviate = ((half / count) ** (1 / 3) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
    return deviate > 0 ? (1 - erf(deviate / Math.SQRT2)) / 2 : 1 - (1 - erf(-deviate / Math.SQRT2)) / 2;
  }
  let [term, sum] = [Math.exp(-half), 0];
  for (let index = 0; index < count; index++) {
    sum += term;
    term *= half / (index + 1);
  }
  return Math.min(1, sum);
}
