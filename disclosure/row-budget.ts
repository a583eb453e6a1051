import { UnreadableError } from './bytes.ts';
import type { Policy } from './policy.ts';

/** Ends the reading of a file whose tables are larger than the policy allows. */
export class CapReached extends UnreadableError {}

/**
 * How many rows and cells of a file's tables are read. Only a rule that blocks ends the reading: nothing that was not
 * read may leave. The last row that is read is the first one over a cap, however the bytes arrived.
 */
export class RowBudget {
  rows = 0;
  cells = 0;
  isSpent = false;
  readonly #maxRows: number;
  readonly #maxCells: number;

  constructor({ rows, cells, rules }: Policy) {
    this.#maxRows = rules['size.rows'].action === 'block' ? rows : Number.POSITIVE_INFINITY;
    this.#maxCells = rules['size.cells'].action === 'block' ? cells : Number.POSITIVE_INFINITY;
  }

  /** Takes up to `rows` rows of `width` cells each, and returns how many of them are to be judged. */
  take(rows: number, width: number): number {
    const remainder = Math.min(
      this.#maxRows - this.rows,
      Math.floor((this.#maxCells - this.cells) / Math.max(1, width)),
    );
    const takenRows = this.isSpent ? rows : Math.max(1, Math.min(rows, remainder + 1));
    this.rows += takenRows;
    this.cells += takenRows * width;
    return takenRows;
  }

  /** Throws `CapReached` once, when more was taken than the policy allows. */
  settle(): void {
    if (this.isSpent || (this.rows <= this.#maxRows && this.cells <= this.#maxCells)) return;
    this.isSpent = true;
    throw new CapReached('its tables are larger than is read');
  }
}
