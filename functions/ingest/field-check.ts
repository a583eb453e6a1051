import type { ContractField } from './contract-schemas.ts';

const typePatterns: Readonly<Record<ContractField['type'], RegExp>> = {
  any: /^/,
  string: /^/,
  integer: /^[+-]?\d{1,18}$/,
  number: /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/,
  boolean: /^(true|false|True|False|TRUE|FALSE|0|1)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  datetime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$/,
};

/** A date that the calendar has: JavaScript would make 30 February 2 March. */
function isCalendarDate(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Whether a value has the type of its field. */
function hasType({ type }: ContractField, text: string): boolean {
  if (!typePatterns[type].test(text)) return false;
  return type !== 'date' && type !== 'datetime' ? true : isCalendarDate(text);
}

/** Numbers are compared as numbers; dates of one form in the order of their text. */
function isOutside(field: ContractField, text: string): boolean {
  const { minimum, maximum } = field.constraints;
  const isNumeric = field.type === 'integer' || field.type === 'number';
  const isBelow = (limit: string | number) => (isNumeric ? Number(text) < Number(limit) : text < String(limit));
  const exceeds = (limit: string | number) => (isNumeric ? Number(text) > Number(limit) : text > String(limit));
  return (minimum !== undefined && isBelow(minimum)) || (maximum !== undefined && exceeds(maximum));
}

/** What is wrong with a value of a field, without the value itself; undefined if nothing is. */
export function fieldProblem(field: ContractField, text: string, missing: ReadonlySet<string>): string | undefined {
  const { required: isRequired, minLength, maxLength, enum: choices } = field.constraints;
  if (missing.has(text)) return isRequired ? 'is missing' : undefined;
  if (!hasType(field, text)) return `is not of the type ${field.type}`;
  if (isOutside(field, text)) return 'is outside of its range';
  if ((minLength !== undefined && text.length < minLength) || (maxLength !== undefined && text.length > maxLength))
    return 'is shorter or longer than agreed';
  if (choices && !choices.includes(text)) return 'is not one of the agreed values';
  return undefined;
}
