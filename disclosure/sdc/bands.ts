/** Whole numbers from `from` up to, not including, `to`. */
export interface NumberBand {
  readonly from: number;
  readonly to: number;
}

const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
const unit = '(?:years?|yrs?|y)?(?: (?:old|of age))?';
const bracket = /^([[(]) ?(\d{1,6}) ?[,;] ?(\d{1,6}) ?([\])])$/;
const range = new RegExp(String.raw`^(?:aged? )?(\d{1,6}) ?(?:-|–|—|to|until) ?(\d{1,6}) ?${unit}$`);
const below = new RegExp(
  String.raw`^(?:(<|under|below|less than|younger than) ?(\d{1,6})|(<=|≤|up to) ?(\d{1,6})|(\d{1,6}) (?:and|or) (?:under|below|less|younger)) ?${unit}$`,
);
const above = new RegExp(
  String.raw`^(?:(>|over|above|more than|older than) ?(\d{1,6})|(>=|≥|at least|from) ?(\d{1,6})|(\d{1,6}) ?(?:\+|(?:and|or) (?:over|above|more|older))) ?${unit}$`,
);

/** The band of whole numbers that a label such as `20-29`, `<30`, `65+` or `[20,30)` says. */
export function parseBand(label: string): NumberBand | undefined {
  const text = label.trim().toLowerCase().replace(/\s+/g, ' ');
  const inside = bracket.exec(text);
  if (inside)
    return {
      from: Number(inside[2]) + (inside[1] === '(' ? 1 : 0),
      to: Number(inside[3]) + (inside[4] === ']' ? 1 : 0),
    };
  const between = range.exec(text);
  if (between) return { from: Number(between[1]), to: Number(between[2]) + 1 };
  const under = below.exec(text);
  if (under)
    return {
      from: NEGATIVE_INFINITY,
      to: under[2] === undefined ? Number(under[4] ?? under[5]) + 1 : Number(under[2]),
    };
  const over = above.exec(text);
  if (over)
    return {
      from: over[2] === undefined ? Number(over[4] ?? over[5]) : Number(over[2]) + 1,
      to: POSITIVE_INFINITY,
    };
  return /^\d{1,3}$/.test(text) ? { from: Number(text), to: Number(text) + 1 } : undefined;
}

/** More bands than this are a list of values. */
const most = 40;

/** The bands of a variable, lowest first, each with the index of its label; undefined where they are not one behind another. */
export function parseBands(labels: readonly string[]): (NumberBand & { label: number })[] | undefined {
  const bands = labels
    .flatMap((text, label) => {
      const band = parseBand(text);
      return band && band.from < band.to ? [{ ...band, label }] : [];
    })
    .sort((a, b) => a.from - b.from);
  if (bands.length < 2 || bands.length > most || bands.every(({ from, to }) => to - from === 1)) return undefined;
  const follows = bands.every(({ from }, at) => {
    const before = bands[at - 1];
    // Some write 20-30, 30-40, with each bound twice.
    return !before || before.to === from || before.to === from + 1;
  });
  return follows ? bands.map((band, at) => ({ ...band, to: bands[at + 1]?.from ?? band.to })) : undefined;
}
