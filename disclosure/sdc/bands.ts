/** Whole numbers from `lower` up to, not including, `upper`. */
export interface NumberBand {
  readonly lower: number;
  readonly upper: number;
}

const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
const unit = '(?:years?|yrs?|y)?(?: (?:old|of age))?';
const bracket = /^([[(]) ?(\d{1,6}) ?[,;] ?(\d{1,6}) ?([\])])$/;
const range = new RegExp(String.raw`^(?:aged? )?(\d{1,6}) ?(?:-|–|—|to|until) ?(\d{1,6}) ?${unit}$`);
const belowPattern = new RegExp(
  String.raw`^(?:(<|under|below|less than|younger than) ?(\d{1,6})|(<=|≤|up to) ?(\d{1,6})|(\d{1,6}) (?:and|or) (?:under|below|less|younger)) ?${unit}$`,
);
const abovePattern = new RegExp(
  String.raw`^(?:(>|over|above|more than|older than) ?(\d{1,6})|(>=|≥|at least|from) ?(\d{1,6})|(\d{1,6}) ?(?:\+|(?:and|or) (?:over|above|more|older))) ?${unit}$`,
);

/** The band of whole numbers that a label such as `20-29`, `<30`, `65+` or `[20,30)` says. */
export function parseBand(label: string): NumberBand | undefined {
  const text = label.trim().toLowerCase().replace(/\s+/g, ' ');
  const bracketMatch = bracket.exec(text);
  if (bracketMatch)
    return {
      lower: Number(bracketMatch[2]) + (bracketMatch[1] === '(' ? 1 : 0),
      upper: Number(bracketMatch[3]) + (bracketMatch[4] === ']' ? 1 : 0),
    };
  const rangeMatch = range.exec(text);
  if (rangeMatch) return { lower: Number(rangeMatch[1]), upper: Number(rangeMatch[2]) + 1 };
  const belowMatch = belowPattern.exec(text);
  if (belowMatch)
    return {
      lower: NEGATIVE_INFINITY,
      upper: belowMatch[2] === undefined ? Number(belowMatch[4] ?? belowMatch[5]) + 1 : Number(belowMatch[2]),
    };
  const aboveMatch = abovePattern.exec(text);
  if (aboveMatch)
    return {
      lower: aboveMatch[2] === undefined ? Number(aboveMatch[4] ?? aboveMatch[5]) : Number(aboveMatch[2]) + 1,
      upper: POSITIVE_INFINITY,
    };
  return /^\d{1,3}$/.test(text) ? { lower: Number(text), upper: Number(text) + 1 } : undefined;
}

/** More bands than this are a list of values. */
const MAX_BANDS = 40;

/** The bands of a variable, lowest first, each with the index of its label; undefined where they are not one behind another. */
export function parseBands(labels: readonly string[]): (NumberBand & { label: number })[] | undefined {
  const bands = labels
    .flatMap((text, label) => {
      const band = parseBand(text);
      return band && band.lower < band.upper ? [{ ...band, label }] : [];
    })
    .sort((a, b) => a.lower - b.lower);
  if (bands.length < 2 || bands.length > MAX_BANDS || bands.every(({ lower, upper }) => upper - lower === 1))
    return undefined;
  const follows = bands.every(({ lower }, index) => {
    const previous = bands[index - 1];
    // Some write 20-30, 30-40, with each bound twice.
    return !previous || previous.upper === lower || previous.upper === lower + 1;
  });
  return follows ? bands.map((band, index) => ({ ...band, to: bands[index + 1]?.lower ?? band.upper })) : undefined;
}
