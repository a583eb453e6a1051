/** Whoever takes a table's rows: the rules that check it, or the page that shows it. */
export interface RowSink {
  /** A row by its number from 1, as a spreadsheet shows it. */
  text(cells: readonly string[], number: number): void;
  end(): void;
  /** What a cell's value was computed by; row and column from 1. */
  formula?(row: number, column: number, text: string): void;
  /** Something of it that a reader of the file does not see. */
  hidden?(message: string): void;
}
