import { Refused } from '../refused.ts';
import { toPathPattern } from '../storage/paths.ts';
import type { ContractField, ContractTable, DataContract } from './contract-schemas.ts';
import { fieldProblem } from './field-check.ts';
import { KeySet } from './key-set.ts';
import type { ParquetTable } from './parquet-table.ts';

/** Problems that are named of one table; further ones are counted. */
const MAX_PROBLEMS = 20;

/** The table of the contract that a file must be; undefined if the contract does not name it. */
export const findContractTable = (contract: DataContract | undefined, path: string): ContractTable | undefined =>
  contract?.resources.find(resource => toPathPattern(resource.path).test(path));

/** Refuses a contract that contradicts itself: a key of columns that it does not have, or two columns of one name. */
export function requireCheckableContract({ resources }: DataContract): void {
  for (const { path, schema } of resources) {
    const names = schema.fields.map(({ name }) => name);
    if (new Set(names).size < names.length)
      throw new Refused('conflict', `The contract of ${path} names a column twice. Name each once.`);
    const unknown = schema.primaryKey?.filter(name => !names.includes(name)) ?? [];
    if (unknown.length > 0)
      throw new Refused(
        'conflict',
        `The primary key of ${path} names the columns ${unknown.join(', ')}, which the contract does not have. Correct the key, or add the columns.`,
      );
  }
}

/** The tables of the contract that no file is. */
export const findMissingTables = (contract: DataContract, paths: readonly string[]): string[] =>
  contract.resources
    .filter(resource => !paths.some(path => toPathPattern(resource.path).test(path)))
    .map(({ path }) => path);

/** How the columns differ from the agreed ones. Their order counts, as programs read tables by it too. */
function columnProblems({ schema: { fields } }: ContractTable, columns: readonly string[]): string[] {
  const names = fields.map(({ name }) => name);
  const absent = names.filter(name => !columns.includes(name));
  const unknown = columns.filter(name => !names.includes(name));
  const problems = [
    ...(new Set(columns).size < columns.length ? ['Two columns have the same name.'] : []),
    ...(absent.length > 0 ? [`The contract has the columns ${absent.join(', ')}, which are missing.`] : []),
    ...(unknown.length > 0 ? [`The columns ${unknown.join(', ')} are not in the contract.`] : []),
  ];
  if (problems.length === 0 && columns.join('\n') !== names.join('\n'))
    return ['The columns are in another order than in the contract.'];
  return problems;
}

/** Whether the number of rows is the agreed one. */
function rowCountProblems({ minRows, maxRows }: ContractTable, rows: number): string[] {
  if (minRows !== undefined && rows < minRows) return [`It has ${rows} rows; the contract has ${minRows} at least.`];
  if (maxRows !== undefined && rows > maxRows) return [`It has ${rows} rows; the contract has ${maxRows} at most.`];
  return [];
}

/** Names the first problems and counts the others. */
const limitProblems = (problems: readonly string[]): string[] => {
  const excess = problems.length - MAX_PROBLEMS;
  return [...problems.slice(0, MAX_PROBLEMS), ...(excess > 0 ? [`${excess} further problems.`] : [])];
};

/** Checks the rows of one table against its contract as they pass, in flat memory. It never repeats a value. */
export class ContractCheck {
  readonly #table: ContractTable;
  readonly #missing: ReadonlySet<string>;
  readonly #counts = new Map<string, { count: number; first: number }>();
  readonly #uniques: { fields: readonly number[]; keys: KeySet; label: string }[];
  #columns: string[] = [];
  #columnProblems: string[] = [];
  #rows = 0;

  constructor(table: ContractTable) {
    this.#table = table;
    const { fields, missingValues, primaryKey } = table.schema;
    this.#missing = new Set(missingValues);
    const indexOf = (name: string) => fields.findIndex(field => field.name === name);
    this.#uniques = [
      ...(primaryKey
        ? [{ fields: primaryKey.map(indexOf), keys: new KeySet(), label: `The key ${primaryKey.join(', ')}` }]
        : []),
      ...fields.flatMap(({ name, constraints }, index) =>
        constraints.unique ? [{ fields: [index], keys: new KeySet(), label: `The column ${name}` }] : [],
      ),
    ];
  }

  /** The first row is the header. A cell without a text is missing. */
  takeRow(cells: readonly (string | undefined)[]): void {
    if (this.#columns.length === 0) {
      this.#columns = cells.map((cell = '') => cell.trim());
      this.#columnProblems = columnProblems(this.#table, this.#columns);
      return;
    }
    this.#rows++;
    // Values in wrong columns would only repeat the finding about the columns.
    if (this.#columnProblems.length > 0) return;
    if (cells.length !== this.#columns.length) {
      this.#note('A row has another number of cells than the header');
      return;
    }
    for (const [index, field] of this.#table.schema.fields.entries()) this.#checkCell(field, cells[index]);
    for (const { fields, keys, label } of this.#uniques)
      if (keys.repeats(JSON.stringify(fields.map(index => cells[index] ?? '')))) this.#note(`${label} repeats`);
  }

  #checkCell(field: ContractField, text: string | undefined): void {
    const problem = fieldProblem(field, text, this.#missing);
    if (problem !== undefined) this.#note(`A value of the column ${field.name} ${problem}`);
  }

  #note(problem: string): void {
    const note = this.#counts.get(problem);
    if (note) note.count++;
    else this.#counts.set(problem, { count: 1, first: this.#rows });
  }

  /** What differs from the contract, in sentences. */
  problems(): string[] {
    if (this.#columns.length === 0) return ['It has no header, so its columns cannot be compared with the contract.'];
    const values = [...this.#counts].map(
      ([problem, { count, first }]) => `${problem}: ${count} ${count === 1 ? 'time' : 'times'}, first in row ${first}.`,
    );
    const unchecked = this.#uniques.flatMap(({ keys, label }) =>
      keys.isFull ? [`${label} has more values than can be compared.`] : [],
    );
    return limitProblems([
      ...this.#columnProblems,
      ...rowCountProblems(this.#table, this.#rows),
      ...values,
      ...unchecked,
    ]);
  }
}

/** How the types of the columns of a Parquet file differ from the agreed ones. */
const typeProblems = ({ schema: { fields } }: ContractTable, types: ParquetTable['types']) =>
  fields.flatMap(({ name, type }) =>
    type === 'any' || !types.has(name) || types.get(name)?.includes(type)
      ? []
      : [{ name, problem: `The column ${name} is not of the type ${type}.` }],
  );

/** Checks a Parquet file by its end alone, which names columns, types and rows. */
export const parquetProblems = (contract: ContractTable, { names, rows, types }: ParquetTable): string[] =>
  limitProblems([
    ...columnProblems(contract, names),
    ...typeProblems(contract, types).map(({ problem }) => problem),
    ...rowCountProblems(contract, rows),
  ]);

/** Checks the rows of a Parquet file. Of a column of another type only this is said, as its values would repeat it. */
export class ParquetCheck {
  readonly #types: string[];
  readonly #check: ContractCheck;

  constructor(contract: ContractTable, { names, types }: ParquetTable) {
    const wrongColumns = typeProblems(contract, types);
    this.#types = wrongColumns.map(({ problem }) => problem);
    const wrongNames = new Set(wrongColumns.map(({ name }) => name));
    const fields = contract.schema.fields.map(field =>
      wrongNames.has(field.name)
        ? { ...field, type: 'any' as const, constraints: { unique: field.constraints.unique } }
        : field,
    );
    this.#check = new ContractCheck({ ...contract, schema: { ...contract.schema, fields } });
    this.#check.takeRow(names);
  }

  takeRow(cells: readonly (string | undefined)[]): void {
    this.#check.takeRow(cells);
  }

  problems(): string[] {
    return limitProblems([...this.#types, ...this.#check.problems()]);
  }
}
