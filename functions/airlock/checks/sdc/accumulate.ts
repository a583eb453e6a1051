import type { Cell } from '../../report.ts';
import { mostCells } from '../findings.ts';

/** Places kept for a finding that is not certain yet: the first fifty, and how many there were. */
export class Candidates {
  readonly cells: Cell[] = [];
  count = 0;
  add(cell: Cell): void {
    this.count++;
    if (this.cells.length < mostCells) this.cells.push(cell);
  }
}

/** What is known of each column after every row so far: a few numbers a column, whatever the table's length. */
export class Columns {
  readonly filled: Uint32Array;
  readonly numbers: Uint32Array;
  /** Whole numbers, zero or above. */
  readonly whole: Uint32Array;
  readonly negative: Uint32Array;
  /** Text that is neither a number nor a mark of suppression. */
  readonly texts: Uint32Array;
  readonly suppressed: Uint32Array;
  /** Cells such as `45 (30.0%)`. */
  readonly composite: Uint32Array;
  readonly nonzero: Uint32Array;
  readonly offBase: Uint32Array;
  readonly places: Uint8Array;
  readonly tenDigits: Uint32Array;
  readonly checked: Uint32Array;
  readonly highest: Float64Array;
  readonly small: Candidates[];
  /** Below the threshold but not whole, as a weighted count may be. */
  readonly smallParts: Candidates[];
  readonly zeros: Candidates[];
  readonly unrounded: Candidates[];
  readonly manyPlaces: Candidates[];

  constructor(count: number) {
    const numbers = () => new Uint32Array(count);
    const lists = () => Array.from({ length: count }, () => new Candidates());
    this.filled = numbers();
    this.numbers = numbers();
    this.whole = numbers();
    this.negative = numbers();
    this.texts = numbers();
    this.suppressed = numbers();
    this.composite = numbers();
    this.nonzero = numbers();
    this.offBase = numbers();
    this.places = new Uint8Array(count);
    this.tenDigits = numbers();
    this.checked = numbers();
    this.highest = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    this.small = lists();
    this.smallParts = lists();
    this.zeros = lists();
    this.unrounded = lists();
    this.manyPlaces = lists();
  }
}
