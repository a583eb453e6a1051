import { type ArgumentField, fieldsOf } from './arguments.ts';
import type { CliCommand } from './commands.ts';
import { exitCodes } from './exit.ts';
import { indentedTexts, measureText } from './layout.ts';
import { findNearestWord } from './nearest.ts';
import { formatColumns } from './output.ts';

const indent = (text: string) => text.replace(/^(?=.)/gm, '  ');
const section = (title: string, rows: readonly (readonly string[])[]) =>
  rows.length === 0 ? '' : `\n${title}\n${indent(formatColumns(rows))}\n`;
const examplesOf = (commands: readonly CliCommand[]) =>
  section(
    'Examples',
    commands.flatMap(({ examples }) => examples.map(example => [`broch ${example}`])),
  );

const positional = ({ flag, isList, isRequired }: ArgumentField): string => {
  const name = `<${flag}>${isList ? '...' : ''}`;
  return isRequired ? name : `[${name}]`;
};

const flagged = ({ flag, type, choices, isList }: ArgumentField): string => {
  const value = choices.length > 0 ? choices.join('|') : type === 'integer' ? 'number' : type;
  return `--${flag}${type === 'switch' ? '' : ` <${value}>`}${isList ? '...' : ''}`;
};

/** `project create --id <text> --title <text>`: the required arguments, and a hint if there are optional flags. */
function formatUsage({ words, params, flags }: CliCommand): string {
  const fields = fieldsOf(flags);
  return [
    'broch',
    ...words,
    ...fieldsOf(params).map(positional),
    ...fields.filter(({ isRequired }) => isRequired).map(flagged),
    ...(fields.some(({ isRequired }) => !isRequired) ? ['[--flags]'] : []),
  ].join(' ');
}

const explanation = (
  { description, choices, isRequired, preset, isList }: ArgumentField,
  isPositional: boolean,
): string =>
  [
    description,
    isPositional && choices.length > 0 ? `one of ${choices.join(', ')}` : '',
    isList ? (isPositional ? 'one or more' : 'can be repeated') : '',
    preset === undefined || preset === '' ? (isRequired && !isPositional ? 'required' : '') : `default: ${preset}`,
  ]
    .filter(part => part !== '')
    .join('; ');

export function formatCommandHelp(command: CliCommand, globals: readonly ArgumentField[]): string {
  const { summary, notes = [], params, flags } = command;
  return [
    `${summary}\n\nUsage: ${formatUsage(command)}\n`,
    section(
      'Arguments',
      fieldsOf(params).map(field => [positional(field), explanation(field, true)]),
    ),
    section(
      'Flags',
      fieldsOf(flags).map(field => [flagged(field), explanation(field, false)]),
    ),
    section(
      'Flags of every command',
      globals.map(field => [flagged(field), field.description]),
    ),
    notes.length > 0 ? `\n${notes.join('\n')}\n` : '',
    examplesOf([command]),
  ].join('');
}

/** Help for all commands that begin with `word`. */
export function formatGroupHelp(word: string, commands: readonly CliCommand[]): string {
  const wholeCommands = commands.filter(({ stepOf }) => stepOf === undefined);
  const describe = (group: readonly CliCommand[]) => group.map(command => [formatUsage(command), command.summary]);
  const steps = Object.entries(Object.groupBy(commands, ({ stepOf }) => stepOf ?? '')).flatMap(([whole, group = []]) =>
    whole === '' ? [] : [section(`Steps of \`broch ${whole}\`, for scripts`, describe(group))],
  );
  return [
    `Usage: broch ${word} <command>\n`,
    section('Commands', describe(wholeCommands)),
    ...steps,
    examplesOf(wholeCommands),
    `\nHelp for one command: broch ${commands[0]?.words.join(' ')} --help\n`,
  ].join('');
}

export function formatHelpOverview(commands: readonly CliCommand[], globals: readonly ArgumentField[]): string {
  const single = commands.filter(({ words }) => words.length === 1);
  const nouns = [...new Set(commands.filter(({ words }) => words.length > 1).map(({ words }) => words[0] as string))];
  const verbs = (noun: string) =>
    commands
      .filter(({ words, stepOf }) => words[0] === noun && words.length > 1 && stepOf === undefined)
      .map(({ words }) => words.slice(1).join(' '));
  return [
    'Broch, a trusted research environment, from the command line.\n\nUsage: broch <command> [--flags]\n',
    section(
      'Commands',
      single.map(({ words, summary }) => [words[0] as string, summary]),
    ),
    section(
      'Commands by subject',
      nouns.map(noun => [noun, verbs(noun).join(', ')]),
    ),
    section(
      'Flags of every command',
      globals.map(field => [flagged(field), field.description]),
    ),
    section(
      'Exit codes',
      Object.values(exitCodes).map(([code, meaning]) => [String(code), meaning]),
    ),
    '\nWith --json an error is printed as one JSON problem document (RFC 9457) on standard error.\n',
    'Profiles and sessions are stored in ~/.config/broch (XDG_CONFIG_HOME); only you can read them.\n',
    section('Examples', [
      ['broch login --as dana'],
      ['broch deliver ./admissions-2026 --dataset admissions'],
      ["broch project create --id asthma --title 'Asthma in Tayside'"],
      ['broch project list --json'],
      ['broch completion install'],
    ]),
    '\nMore: broch <command> --help\n',
  ].join('');
}

/** One line of help that is too wide: its second column goes on below itself, or below the first one if that is wide. */
function wrapHelpLine(line: string, width: number): string {
  const [, indentation = '', first = '', gap = '', second] = /^( *)(\S.*?)( {2,})(\S.*)$/.exec(line) ?? [];
  const column = measureText(indentation + first + gap);
  if (second === undefined) {
    const columns = line.length - line.trimStart().length;
    return indentedTexts([line.trimStart()], width, columns);
  }
  if (column > width / 2)
    return [
      indentedTexts([first], width, indentation.length),
      indentedTexts([second], width, indentation.length + 4),
    ].join('\n');
  return `${indentation}${first}${gap}${indentedTexts([second], width, column).trimStart()}`;
}

/** Help for a terminal of this width. Examples stay as they are, because people copy them. */
export function wrapHelp(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  let isExample = false;
  return text
    .split('\n')
    .map(line => {
      if (/^\S/.test(line)) isExample = line === 'Examples';
      return isExample || measureText(line) <= width ? line : wrapHelpLine(line, width);
    })
    .join('\n');
}

/** Suggests a command for words that name none. */
export function suggestCommand(words: readonly string[], commands: readonly CliCommand[]): string | undefined {
  const names = commands.map(({ words }) => words.join(' '));
  const [first = '', second] = words;
  const heads = [...new Set(names.map(name => name.split(' ')[0] as string))];
  const verbsOf = (noun: string) =>
    names.filter(name => name.startsWith(`${noun} `)).map(name => name.slice(noun.length + 1));
  // The words may be in the other order, as in `create project`.
  for (const [noun, verb] of [
    [first, second],
    [second, first],
  ])
    if (noun !== undefined && verb !== undefined && heads.includes(noun)) {
      const nearest = findNearestWord(verb, verbsOf(noun));
      if (nearest !== undefined) return `${noun} ${nearest}`;
    }
  if (heads.includes(first)) return undefined;
  const head = findNearestWord(first, heads);
  return head !== undefined && second !== undefined && verbsOf(head).includes(second) ? `${head} ${second}` : head;
}
