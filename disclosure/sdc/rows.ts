import type { Findings } from '../findings.ts';
import type { Cell } from '../report.ts';
import { CandidateCells } from './accumulate.ts';
import { type ColumnClass, type ColumnRole, normaliseColumnName } from './columns.ts';

/** Where a value is: a line of the table (a column, when the table lies on its side) and its index in it. */
export type LocateCell = (line: number, index: number, value: string) => Cell;

const shareName = /\b(share|percent|pct|proportion)\b|^cr ?\d/;

/** Half of the last place that is written. */
const halves = Array.from({ length: 32 }, (_, places) => 0.5 * 10 ** -places);

/** "Deaths per 100,000": of how many people a rate is. */
function perSo(name: string): number | undefined {
  const [, digits, word] = /\bper[ _]?(?:(\d[\d, ]*)|(thousand|million))/i.exec(name) ?? [];
  if (/year|\bpy|day|month|week/i.test(name)) return undefined;
  if (word) return /thousand/i.test(word) ? 1000 : 1_000_000;
  const people = Number((digits ?? '').replace(/[, ]/g, ''));
  return people >= 10 ? people : undefined;
}

/** What a percentage tells of the count behind it, given its denominator and how finely it is written. */
export function computeCountRange(
  percent: number,
  half: number,
  denominator: number,
): { lowest: number; highest: number } {
  const slack = 1e-9 * Math.max(1, denominator);
  const lowest = Math.ceil(((percent - half) * denominator) / 100 - slack);
  const highest = Math.floor(((percent + half) * denominator) / 100 + slack);
  return { lowest: Math.max(0, lowest), highest: Math.min(denominator, highest) };
}

/**
 * The rules that need several columns of one row: dominance, p %, degrees of freedom, quantiles, extremes, percentages.
 * They know the columns by their names, so they judge each row as it passes.
 */
export class RowRules {
  readonly #findings: Findings;
  readonly #locate: LocateCell;
  readonly #columnsOf: (role: ColumnRole) => number[];
  readonly #columns: readonly ColumnClass[];
  readonly #total: number;
  readonly #largest: number;
  readonly #second: number;
  readonly #share: boolean;
  readonly #count: number;
  readonly #denominator: number;
  readonly #parameters: number;
  readonly #freedom: number[];
  readonly #quantiles: number[];
  readonly #extremes: number[];
  readonly #percents: { column: number; scale: number }[];
  /** The one count beside a percentage may be its numerator or its denominator: what the rows say of that. */
  readonly #guesses: { lowest: number; highest: number; refuted: boolean; rows: number; candidates: CandidateCells }[];
  readonly #extremeCells = new CandidateCells();
  readonly idle: boolean;
  #values: Float64Array = new Float64Array(0);
  #places: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(columns: readonly ColumnClass[], findings: Findings, locate: LocateCell) {
    this.#columns = columns;
    this.#findings = findings;
    this.#locate = locate;
    this.#columnsOf = role => columns.flatMap((column, index) => (column.role === role ? [index] : []));
    const firstOf = (...roles: ColumnRole[]) => roles.flatMap(role => this.#columnsOf(role))[0] ?? -1;
    const counts = this.#columnsOf('count');
    const names = columns.map(({ name }) => name.toLowerCase());
    this.#largest = firstOf('largest');
    this.#second = firstOf('second');
    // Shares of the largest contributors are of a total of 100, or of 1: any column will do to name the place.
    this.#share = this.#largest >= 0 && shareName.test(normaliseColumnName(columns[this.#largest]?.name ?? ''));
    this.#total =
      this.#largest < 0
        ? -1
        : this.#share
          ? this.#second < 0
            ? this.#largest
            : this.#second
          : firstOf('sum', 'total');
    this.#denominator = firstOf('denominator', 'total');
    this.#count = counts.length === 1 ? (counts[0] ?? -1) : counts.length === 0 ? this.#denominator : -1;
    this.#parameters = findings.runs('sdc.degrees-of-freedom') ? firstOf('parameters') : -1;
    // The degrees of freedom of a test or of a term say nothing of how many people are left.
    const test =
      names.some(name =>
        /chi|^f$|f[_ ]?(stat|value)|sum[_ ]?sq|^ss$|mean[_ ]?sq|wald|^aic|^bic|log ?lik|deviance/.test(name),
      ) ||
      // A test's statistic without an estimate of anything.
      (names.includes('statistic') &&
        !names.some(name => /^(t|t[ _.]?(stat|value)\w*|estimate|coef\w*|beta|(mean|diff)\w*)$/.test(name)));
    const freedoms = this.#columnsOf('freedom');
    const residual = freedoms.filter(column => /resid|error|denom/.test(names[column] ?? ''));
    this.#freedom = findings.runs('sdc.degrees-of-freedom') ? (test || residual.length > 0 ? residual : freedoms) : [];
    this.#quantiles = findings.runs('sdc.quantiles') ? this.#columnsOf('quantile') : [];
    this.#extremes = findings.runs('sdc.extremes') ? this.#columnsOf('extreme') : [];
    // A rate is of people where their number stands beside it; of person-years it tells nothing.
    const people = columns[this.#denominator]?.role === 'denominator' || (this.#denominator < 0 && this.#count >= 0);
    this.#percents = findings.runs('sdc.percentages')
      ? [
          ...this.#columnsOf('percent').map(column => ({ column, scale: 1 })),
          ...this.#columnsOf('proportion').map(column => ({ column, scale: 100 })),
          ...columns.flatMap(({ name }, column) => {
            const rateBase = people ? perSo(name) : undefined;
            return rateBase === undefined ? [] : [{ column, scale: 100 / rateBase }];
          }),
        ]
      : [];
    this.#guesses = this.#percents.map(() => ({
      lowest: 0,
      highest: Number.POSITIVE_INFINITY,
      refuted: false,
      rows: 0,
      candidates: new CandidateCells(),
    }));
    if (findings.runs('sdc.dominance')) findings.runs('sdc.p-percent');
    this.idle =
      this.#total < 0 &&
      this.#parameters < 0 &&
      [this.#freedom, this.#quantiles, this.#extremes, this.#percents].every(list => list.length === 0);
  }

  /** Judges the row whose values and decimal places begin at `from`. */
  row(line: number, values: Float64Array, places: Uint8Array, offset = 0): void {
    this.#values = values;
    this.#places = places;
    this.#offset = offset;
    if (this.#total >= 0) this.#dominance(line);
    if (this.#freedom.length > 0 || this.#parameters >= 0) this.#freedoms(line);
    if (this.#quantiles.length > 0 && this.#count >= 0) this.#tails(line);
    for (const column of this.#extremes)
      if (!Number.isNaN(this.#value(column))) this.#extremeCells.add(this.#cell(line, column));
    for (let index = 0; index < this.#percents.length; index++) this.#percentage(line, index);
  }

  /** The row's value in a column; a column that the table does not have has none. */
  #value(column: number): number {
    return column < 0 ? Number.NaN : (this.#values[this.#offset + column] as number);
  }

  /** What only all rows together can say. */
  end(): void {
    const { cells, count } = this.#extremeCells;
    if (count > 0)
      this.#findings.add(
        'sdc.extremes',
        'A minimum or maximum is the value of one person. Leave it out, or give a quantile with enough people beyond it.',
        cells,
        count,
      );
    for (const { lowest, highest, refuted, rows, candidates } of this.#guesses) {
      const numerator = rows > 1 && lowest <= highest;
      if (!refuted && !numerator && candidates.count > 0) this.#percentages(candidates);
    }
    const hasRole = (...roles: ColumnRole[]) => roles.some(role => this.#columnsOf(role).length > 0);
    if (
      this.#findings.runs('sdc.no-counts') &&
      hasRole('statistic', 'quantile', 'sum', 'percent', 'proportion') &&
      !hasRole('count', 'denominator', 'total', 'freedom', 'weight')
    )
      this.#findings.add(
        'sdc.no-counts',
        'No column says how many people are behind each statistic. Add a column with their unweighted number.',
      );
  }

  #cell(line: number, column: number): Cell {
    return this.#locate(line, column, String(this.#value(column)));
  }

  #dominance(line: number): void {
    const { rules } = this.#findings.policy;
    const largest = Math.abs(this.#value(this.#largest));
    const next = Math.abs(this.#value(this.#second));
    // What is more than the largest is no second one but both together.
    const second = next > largest ? next - largest : next;
    const total = !this.#share ? Math.abs(this.#value(this.#total)) : Math.max(largest, next || 0) > 1 ? 100 : 1;
    if (!(total > 0) || !(largest >= 0)) return;
    for (const { n: contributors, k: maxShare } of rules['sdc.dominance'].pairs) {
      const top = contributors === 1 ? largest : largest + second;
      if (top > (total * maxShare) / 100)
        this.#findings.add(
          'sdc.dominance',
          `The ${contributors === 1 ? 'largest contributor has' : 'two largest contributors have'} more than ${maxShare} % of the total. Suppress the cell or merge it with others.`,
          [this.#cell(line, this.#total)],
        );
    }
    const { p: tolerance } = rules['sdc.p-percent'];
    if (total - largest - second < (largest * tolerance) / 100)
      this.#findings.add(
        'sdc.p-percent',
        `The second largest contributor can tell the largest one's value to within ${tolerance} %. Suppress the cell or merge it with others.`,
        [this.#cell(line, this.#total)],
      );
  }

  #freedoms(line: number): void {
    const { least: minFreedom } = this.#findings.policy.rules['sdc.degrees-of-freedom'];
    const report = (column: number) =>
      this.#findings.add(
        'sdc.degrees-of-freedom',
        `A model needs at least ${minFreedom} residual degrees of freedom. Use fewer parameters or more people.`,
        [this.#cell(line, column)],
      );
    for (const column of this.#freedom) if (this.#value(column) < minFreedom) report(column);
    if (this.#parameters < 0 || this.#count < 0 || this.#freedom.length > 0) return;
    const freedom = this.#value(this.#count) - this.#value(this.#parameters);
    if (freedom < minFreedom) report(this.#count);
  }

  #tails(line: number): void {
    const people = this.#value(this.#count);
    const { tail } = this.#findings.policy.rules['sdc.quantiles'];
    for (const column of this.#quantiles) {
      const fraction = this.#columns[column]?.fraction ?? 0.5;
      const value = this.#value(column);
      if (!Number.isNaN(value) && people * Math.min(fraction, 1 - fraction) < tail)
        this.#findings.add(
          'sdc.quantiles',
          `A quantile needs at least ${tail} people on either side. Give a quantile nearer to the middle, or that of a larger group.`,
          [this.#cell(line, column)],
        );
    }
  }

  #percentage(line: number, index: number): void {
    const percent = this.#percents[index];
    const guess = this.#guesses[index];
    if (!percent || !guess) return;
    const sure = this.#denominator >= 0;
    const base = this.#value(sure ? this.#denominator : this.#count);
    const share = this.#value(percent.column) * percent.scale;
    if (!(base > 0) || !(share >= 0 && share <= 100) || !Number.isInteger(base)) return;
    const half = (halves[this.#places[this.#offset + percent.column] as number] as number) * percent.scale;
    const { threshold } = this.#findings.policy.rules['sdc.minimum-count'];
    // Most are far from telling a small count, whatever they are rounded from.
    const minCount = ((share - half) * base) / 100;
    const maxCount = ((share + half) * base) / 100;
    if (sure && minCount > threshold && base - maxCount > threshold) return;
    const { lowest, highest } = computeCountRange(share, half, base);
    guess.rows++;
    if (lowest > highest) guess.refuted = true;
    if (share > half) guess.highest = Math.min(guess.highest, base / (share - half));
    guess.lowest = Math.max(guess.lowest, base / (share + half));
    if (lowest > highest) return;
    const small =
      (share > 0 && highest >= 1 && highest < threshold) ||
      (share < 100 && base - lowest >= 1 && base - lowest < threshold);
    if (!small) return;
    const cell = this.#cell(line, percent.column);
    if (sure) this.#percentages({ cells: [cell], count: 1 });
    else guess.candidates.add(cell);
  }

  #percentages({ cells, count }: Pick<CandidateCells, 'cells' | 'count'>): void {
    this.#findings.add(
      'sdc.percentages',
      'This percentage and its denominator reveal a count below the threshold. Suppress it, round it, or merge categories.',
      cells,
      count,
    );
  }
}
