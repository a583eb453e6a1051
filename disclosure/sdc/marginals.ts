import { createHmac } from 'node:crypto';
import { parseBands } from './bands.ts';
import { isTotalLabel, normaliseColumnName } from './columns.ts';
import type { CountTable } from './grid.ts';

/** What a count is besides its value; or-ed together, with the number of suppressed counts in it (2 is "or more"). */
export const COUNT_MARKS = {
  hidden: 3,
  /** A sum that the table itself does not give. */
  derived: 4,
  /** All below, or all from, the bound of a band. */
  bound: 8,
  /** The same, under the key of a bound nearby: what another table may give. */
  probe: 16,
} as const;

/** How far apart two bounds of bands are looked for. */
const shifts = [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5];
/** The most counts that are kept of one table, and of all tables of a file. */
export const MAX_COUNTS = { table: 50_000, file: 1_000_000 };
/** More variables than a mask has bits for are no table that people compare. */
const MAX_VARIABLES = 15;

/**
 * The counts of one table, each under the hash of what its people have in common, such as `sex=female` and `region=north`
 * in any order: so a cell of one table and a sum over another have the same key when they are of the same people.
 */
export interface MarginalCounts {
  readonly keys: Float64Array;
  readonly values: Float64Array;
  readonly rows: Uint32Array;
  readonly columns: Uint16Array;
  /** Which variables the key is of, by a bit each: 0 is the table's total. */
  readonly masks: Uint16Array;
  readonly marks: Uint8Array;
  /** Hashes of the names of its variables, sorted. */
  readonly variables: number[];
  /** There were more than are kept. */
  readonly cut: boolean;
}

const plain = (text: string) => text.trim().toLowerCase().replace(/\s+/g, ' ').replace(/[–—]/g, '-').slice(0, 200);

/** The name of a variable as different people write it: "Age group" is "age", "gender" is "sex". */
function variable(name: string): string {
  const short = (normaliseColumnName(name) || plain(name)).replace(
    / (groups?|bands?|category|cat|range|code|name)$/,
    '',
  );
  return short === 'gender' ? 'sex' : short.slice(0, 200);
}

/** 53 bits of HMAC-SHA-256: who has no key can't tell a label by trying what it may be. */
export function createLabelHash(key: string): (text: string) => number {
  return text => {
    const digest = createHmac('sha256', key).update(text).digest();
    return digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11);
  };
}

interface Count {
  value: number;
  hidden: number;
  marks: number;
  readonly row: number;
  readonly column: number;
  readonly codes: readonly number[];
  isRepeated?: true;
}

class Predicates {
  readonly #names: string[];
  readonly #labels: string[][];
  readonly #known: Map<string, number>[];
  /** The order of the variables in a key: by name, so that no layout has its own. */
  readonly #order: number[];
  readonly groups = new Map<number, Map<string, Count>>();
  readonly full: number;

  constructor({ dimensions, items }: CountTable) {
    this.#names = dimensions.map(variable);
    this.#labels = dimensions.map(() => []);
    this.#known = dimensions.map(() => new Map());
    this.#order = dimensions
      .map((_, variableIndex) => variableIndex)
      .sort((a, b) => (this.name(a) < this.name(b) ? -1 : 1));
    this.full = (1 << dimensions.length) - 1;
    for (const { key, value, row, column } of items) {
      const codes = key.map((label, variableIndex) => (isTotalLabel(label) ? -1 : this.#code(variableIndex, label)));
      const mask = codes.reduce((union, code, variableIndex) => (code < 0 ? union : union | (1 << variableIndex)), 0);
      const hidden = value === undefined ? 2 : 0;
      const group = this.#group(mask);
      const duplicate = group.get(codes.join());
      if (duplicate) duplicate.isRepeated = true;
      else group.set(codes.join(), { value: value ?? 0, hidden, marks: 0, row, column: column + 1, codes });
    }
  }

  name(variableIndex: number): string {
    return this.#names[variableIndex] ?? '';
  }

  labels(variableIndex: number): readonly string[] {
    return this.#labels[variableIndex] ?? [];
  }

  #code(variableIndex: number, label: string): number {
    const [text, codes, labels] = [plain(label), this.#known[variableIndex], this.#labels[variableIndex]];
    let code = codes?.get(text);
    if (code === undefined && codes && labels) {
      code = labels.push(text) - 1;
      codes.set(text, code);
    }
    return code ?? 0;
  }

  #group(mask: number): Map<string, Count> {
    const group = this.groups.get(mask) ?? new Map<string, Count>();
    this.groups.set(mask, group);
    return group;
  }

  /** Sums over the finest counts, where the table itself gives no total. A label that comes twice has no sum. */
  sum(): void {
    const cells = [...(this.groups.get(this.full)?.values() ?? [])];
    if (cells.some(({ isRepeated }) => isRepeated)) return;
    const width = this.#names.length;
    const masks = Array.from({ length: this.full }, (_, mask) => mask);
    const bitsOf = (mask: number) => mask.toString(2).replaceAll('0', '').length;
    for (const mask of width <= 4 ? masks : masks.filter(mask => [0, 1, width - 1].includes(bitsOf(mask)))) {
      const group = this.#group(mask);
      const sums = new Map<string, Count>();
      for (const { value, hidden, codes, row, column } of cells) {
        const part = codes.map((code, variableIndex) => (mask & (1 << variableIndex) ? code : -1));
        const name = part.join();
        if (group.has(name)) continue;
        const sum = sums.get(name) ?? { value: 0, hidden: 0, marks: COUNT_MARKS.derived, row, column, codes: part };
        sums.set(name, sum);
        if (hidden > 0) sum.hidden = Math.min(2, sum.hidden + 1);
        else sum.value += value;
      }
      for (const [name, sum] of sums) group.set(name, sum);
    }
  }

  /** The text whose hash is a key: `skip` is a variable that `bound` takes the place of. */
  text(codes: readonly number[], skip = -1, bound = ''): string {
    let text = bound;
    for (const variableIndex of this.#order) {
      const code = codes[variableIndex] as number;
      if (code >= 0 && variableIndex !== skip)
        text += `\u0001${this.#names[variableIndex]}=${this.#labels[variableIndex]?.[code]}`;
    }
    return text;
  }
}

/** The counts of a table by what their people have in common: its cells, sums over them, and all up to each bound of bands. */
export function computeMarginalCounts(table: CountTable, hash: (text: string) => number, room: number): MarginalCounts {
  const maxCounts = Math.min(MAX_COUNTS.table, room);
  const entries: { text: string; count: Count; mask: number; marks: number }[] = [];
  const fits = table.dimensions.length <= MAX_VARIABLES;
  let total = 0;
  const add = (text: string, count: Count, mask: number, extraMarks = 0) => {
    if (++total <= maxCounts) entries.push({ text, count, mask, marks: count.marks | count.hidden | extraMarks });
  };
  if (fits && table.items.length > 0) {
    const predicates = new Predicates(table);
    predicates.sum();
    // Totals first: they are what must not be left out of a table too large to keep.
    for (const [mask, group] of [...predicates.groups].sort(([first], [second]) => first - second))
      for (const count of group.values()) if (!count.isRepeated) add(predicates.text(count.codes), count, mask);
    for (const variableIndex of table.dimensions.keys()) bounds(predicates, variableIndex, add);
  }
  return {
    keys: Float64Array.from(entries, ({ text }) => hash(text)),
    values: Float64Array.from(entries, ({ count }) => count.value),
    rows: Uint32Array.from(entries, ({ count }) => count.row),
    columns: Uint16Array.from(entries, ({ count }) => count.column),
    masks: Uint16Array.from(entries, ({ mask }) => mask),
    marks: Uint8Array.from(entries, entry => entry.marks),
    variables: fits ? [...new Set(table.dimensions.map(name => hash(variable(name))))].sort((a, b) => a - b) : [],
    cut: !fits || total > maxCounts,
  };
}

type Add = (text: string, count: Count, mask: number, extraMarks?: number) => void;

/** All below and all from each bound of a variable's bands, by itself and within each cell of the others. */
function bounds(predicates: Predicates, variableIndex: number, add: Add): void {
  const bands = parseBands(predicates.labels(variableIndex));
  if (!bands) return;
  const bit = 1 << variableIndex;
  for (const mask of new Set([bit, predicates.full])) {
    const rests = new Map<string, Map<number, Count>>();
    for (const count of predicates.groups.get(mask)?.values() ?? []) {
      const rest = predicates.text(count.codes, variableIndex);
      const line = rests.get(rest) ?? new Map<number, Count>();
      rests.set(rest, line.set(count.codes[variableIndex] as number, count));
    }
    for (const line of rests.values())
      for (const [sign, run] of [['<', bands] as const, ['>=', [...bands].reverse()] as const]) {
        let sum = 0;
        for (const { lower, upper, label } of run) {
          const count = line.get(label);
          if (!count || count.hidden > 0 || count.isRepeated) break;
          sum += count.value;
          const bound = sign === '<' ? upper : lower;
          if (!Number.isFinite(bound)) break;
          const total = { ...count, value: sum, marks: COUNT_MARKS.derived };
          const text = (value: number) =>
            predicates.text(count.codes, variableIndex, `${predicates.name(variableIndex)}${sign}${value}`);
          add(text(bound), total, mask, COUNT_MARKS.bound);
          for (const shift of shifts) add(text(bound + shift), total, mask, COUNT_MARKS.probe);
        }
      }
  }
}
