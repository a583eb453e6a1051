import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { describeIssue, toIssueSentence } from '../../functions/http/issue-text.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import { findNearestWord } from './nearest.ts';

/** One positional argument or flag, derived from the schema that will check it. */
export interface ArgumentField {
  /** The key in the schema. */
  readonly name: string;
  /** The name on the command line: `--ready-minutes` for readyMinutes. */
  readonly flag: string;
  readonly type: 'text' | 'integer' | 'number' | 'switch' | 'json';
  readonly isList: boolean;
  readonly isRequired: boolean;
  readonly choices: readonly string[];
  readonly description: string;
  readonly preset?: string;
}

interface Property {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  items?: Property;
  description?: string;
  default?: unknown;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

function typeOf({ type, enum: choices, const: literal }: Property): ArgumentField['type'] {
  if (choices?.every(choice => typeof choice === 'string') || typeof literal === 'string' || type === 'string')
    return 'text';
  if (type === 'integer' || type === 'number') return type;
  return type === 'boolean' ? 'switch' : 'json';
}

/** A default as help shows it. */
const presetText = (preset: unknown): string =>
  [preset]
    .flat()
    .map(value => (typeof value === 'object' ? JSON.stringify(value) : String(value)))
    .join(', ');

/** The fields of an object schema, in order. Values that are not text, number or switch are given as JSON. */
export function fieldsOf(schema: z.ZodObject | undefined): ArgumentField[] {
  if (!schema) return [];
  const { properties = {}, required: requiredNames = [] } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  }) as {
    properties?: Record<string, Property>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const items = property.type === 'array' && property.items ? property.items : undefined;
    const item = items ?? property;
    const isList = items !== undefined && typeOf(items) !== 'json';
    const choices = (item.enum ?? []).filter(choice => typeof choice === 'string');
    return {
      name,
      flag: kebab(name),
      type: items && !isList ? 'json' : typeOf(item),
      isList,
      isRequired: requiredNames.includes(name),
      choices,
      description: property.description ?? '',
      ...(property.default !== undefined && { preset: presetText(property.default) }),
    };
  });
}

export interface ParsedArguments {
  /** Values by schema key, unchecked. */
  readonly params: Record<string, unknown>;
  readonly flags: Record<string, unknown>;
}

function convert(field: ArgumentField, text: string, label: string): unknown {
  if (field.choices.length > 0 && !field.choices.includes(text)) {
    const hint = findNearestWord(text, field.choices);
    throw new ExitError(
      'usage',
      `${label} takes ${field.choices.join(' or ')}, not ${JSON.stringify(text)}.${hint ? ` Did you mean ${hint}?` : ''}`,
    );
  }
  if (field.type === 'integer' || field.type === 'number') {
    const pattern = field.type === 'integer' ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/;
    if (pattern.test(text)) return Number(text);
    throw new ExitError(
      'usage',
      `${label} takes a ${field.type === 'integer' ? 'whole ' : ''}number, not ${JSON.stringify(text)}.`,
    );
  }
  if (field.type !== 'json') return text;
  return parseJson(text, label);
}

/** The JSON of a flag, or of the file that it names. */
function parseJson(text: string, label: string): unknown {
  const file = text.startsWith('@') ? text.slice(1) : undefined;
  let content = text;
  try {
    if (file !== undefined) content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ExitError('usage', `${label}: ${file} cannot be read: ${describeCause(error)}.`);
  }
  try {
    return JSON.parse(content);
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    throw new ExitError(
      'usage',
      `${label}${file === undefined ? '' : `: ${file}`} is not valid JSON${position === undefined ? '' : ` from character ${Number(position) + 1} on`}. Put names and texts in double quotes and the whole in single quotes, as in '{"quorum": 2}', or name a file with @.`,
    );
  }
}

/** Parses the words after a command's name. Reports the first error with its remedy. */
export function parseArguments(
  positionals: readonly ArgumentField[],
  flags: readonly ArgumentField[],
  argv: readonly string[],
): ParsedArguments {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries([
      ...flags.map(({ flag, type }) => [
        flag,
        { type: type === 'switch' ? ('boolean' as const) : ('string' as const) },
      ]),
      ['help', { type: 'boolean' as const, short: 'h' }],
    ]),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const result: ParsedArguments = { params: {}, flags: {} };
  const words: string[] = [];
  // Everything after `--` is the command of a job, whatever it looks like.
  const command = flags.find(({ name, isList }) => name === 'command' && isList);
  const terminator = command && tokens.find(({ kind }) => kind === 'option-terminator')?.index;
  if (command && terminator !== undefined) result.flags[command.name] = argv.slice(terminator + 1);
  for (const token of tokens) {
    if (terminator !== undefined && token.index > terminator) break;
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const field = flags.find(({ flag }) => flag === token.name);
    if (!field) throw unknownFlag(token.rawName, flags);
    const label = `--${field.flag}`;
    if (field.type === 'switch') {
      if (token.value !== undefined) throw new ExitError('usage', `${label} takes no value.`);
      result.flags[field.name] = true;
      continue;
    }
    if (token.value === undefined) throw new ExitError('usage', `${label} needs a value after it.`);
    // Usually the value was forgotten, as in `--title --json`.
    if (!token.inlineValue && token.value.startsWith('-') && token.value !== '-')
      throw new ExitError(
        'usage',
        `${label} needs a value. If it is ${JSON.stringify(token.value)}, write ${label}=${token.value}`,
      );
    const value = convert(field, token.value, label);
    if (field.isList) result.flags[field.name] = [...((result.flags[field.name] as unknown[]) ?? []), value];
    else if (field.name in result.flags) throw new ExitError('usage', `${label} is given twice.`);
    else result.flags[field.name] = value;
  }
  for (const field of positionals) {
    const label = `<${field.flag}>`;
    const texts = field.isList ? words.splice(0) : words.splice(0, 1);
    const values = texts.map(word => convert(field, word, label));
    if (values.length > 0) result.params[field.name] = field.isList ? values : values[0];
    else if (field.isRequired) throw new ExitError('usage', `${label} is missing.`);
  }
  if (words.length > 0) throw new ExitError('usage', `${JSON.stringify(words[0])} was not expected here.`);
  return result;
}

function unknownFlag(raw: string, flags: readonly ArgumentField[]): ExitError {
  const hint = findNearestWord(raw.replace(/^-+/, ''), ['help', ...flags.map(({ flag }) => flag)]);
  return new ExitError('usage', `There is no flag ${raw} here.${hint ? ` Did you mean --${hint}?` : ''}`);
}

/** Checks values against their schema. Errors use the names of the command line. */
export function validateArguments<T extends z.ZodObject>(
  schema: T,
  values: Record<string, unknown>,
  prefix: '--' | '',
): z.infer<T> {
  const missing = fieldsOf(schema).filter(({ name, isRequired }) => isRequired && !(name in values));
  if (missing[0]) {
    const { flag, choices, description } = missing[0];
    const meaning = description || choices.join(' or ');
    throw new ExitError('usage', `${prefix}${flag} is needed${meaning ? `: ${meaning}` : ''}.`);
  }
  const validation = schema.safeParse(values, { error: describeIssue });
  if (validation.success) return validation.data;
  const lines = validation.error.issues.map(({ path, message }) => {
    const [name, ...rest] = path.map(String);
    if (name === undefined) return message;
    const label = prefix === '' ? `<${kebab(name)}>` : `${prefix}${kebab(name)}`;
    return `${[label, ...rest].join('.')}: ${toIssueSentence(message)}`;
  });
  throw new ExitError('usage', lines[0] as string, lines.length > 1 ? { errors: lines.slice(1) } : {});
}
