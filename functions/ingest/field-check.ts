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

const dateAndTime = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-]\d\d):?(\d\d))?)?$/;

/** A time as text that sorts by instant, whatever its zone and digits; without a zone it is in UTC. Undefined if it is none. */
function sortableInstant(text: string): string | undefined {
  const [, day, time = '00:00:00', fraction = '', hours = '+00', minutes = '00'] = dateAndTime.exec(text) ?? [];
  const milliseconds = Date.parse(`${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(milliseconds)
    ? undefined
    : `${new Date(milliseconds).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}`;
}

/** Below zero if a value is less than a limit. Numbers are compared as numbers, times as instants, dates as text. */
function compareWithLimit(type: ContractField['type'], text: string, limit: string | number): number {
  if (type === 'integer' || type === 'number') return Number(text) - Number(limit);
  const instants = type === 'datetime' ? [sortableInstant(text), sortableInstant(String(limit))] : [];
  const [value = text, bound = String(limit)] = instants.includes(undefined) ? [] : instants;
  return value < bound ? -1 : value > bound ? 1 : 0;
}

function isOutside({ type, constraints: { minimum, maximum } }: ContractField, text: string): boolean {
  return (
    (minimum !== undefined && compareWithLimit(type, text, minimum) < 0) ||
    (maximum !== undefined && compareWithLimit(type, text, maximum) > 0)
  );
}

/** What is wrong with a value of a field, without the value itself; undefined if nothing is. Without a text it is missing. */
export function fieldProblem(
  field: ContractField,
  text: string | undefined,
  missing: ReadonlySet<string>,
): string | undefined {
  const { required: isRequired, minLength, maxLength, enum: choices } = field.constraints;
  if (text === undefined || missing.has(text)) return isRequired ? 'is missing' : undefined;
  if (!hasType(field, text)) return `is not of the type ${field.type}`;
  if (isOutside(field, text)) return 'is outside of its range';
  if ((minLength !== undefined && text.length < minLength) || (maxLength !== undefined && text.length > maxLength))
    return 'is shorter or longer than agreed';
  if (choices && !choices.includes(text)) return 'is not one of the agreed values';
  return undefined;
}
