import { MAX_FINDING_CELLS } from '../findings.ts';
import type { Cell } from '../report.ts';

/** Places kept for a finding that is not certain yet: the first fifty, and how many there were. */
export class CandidateCells {
  readonly cells: Cell[] = [];
  count = 0;
  /** Counts one more, and says whether its place is still to be kept. */
  one(): boolean {
    return ++this.count <= MAX_FINDING_CELLS;
  }
  add(cell: Cell): void {
    if (this.one()) this.cells.push(cell);
  }
}

/** What is known of each column after every row so far: a few numbers a column, whatever the table's length. */
export class ColumnStatistics {
  readonly numbers: Uint32Array;
  readonly negative: Uint32Array;
  /** Numbers that are not whole. */
  readonly parts: Uint32Array;
  /** Text that is neither a number nor a mark of suppression. */
  readonly texts: Uint32Array;
  readonly suppressed: Uint32Array;
  /** Cells such as `45 (30.0%)`. */
  readonly composite: Uint32Array;
  /** Cells such as `30.0%`. */
  readonly percents: Uint32Array;
  readonly places: Uint8Array;
  readonly small: CandidateCells[];
  /** Below the threshold but not whole, as a weighted count may be. */
  readonly smallParts: CandidateCells[];
  readonly zeros: CandidateCells[];
  readonly unrounded: CandidateCells[];

  constructor(count: number) {
    const numbers = () => new Uint32Array(count);
    const lists = () => Array.from({ length: count }, () => new CandidateCells());
    this.numbers = numbers();
    this.negative = numbers();
    this.parts = numbers();
    this.texts = numbers();
    this.suppressed = numbers();
    this.composite = numbers();
    this.percents = numbers();
    this.places = new Uint8Array(count);
    this.small = lists();
    this.smallParts = lists();
    this.zeros = lists();
    this.unrounded = lists();
  }

  filled(column: number): number {
    return (this.numbers[column] as number) + (this.texts[column] as number) + (this.suppressed[column] as number);
  }

  /** Whole numbers, zero or above. */
  whole(column: number): number {
    return (this.numbers[column] as number) - (this.negative[column] as number) - (this.parts[column] as number);
  }

  nonzero(column: number): number {
    return this.whole(column) - (this.zeros[column]?.count ?? 0);
  }
}
