import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ArgumentField, fieldsOf, parseArguments } from './arguments.ts';
import { type ApiClient, agentFor, createApiClient } from './call.ts';
import type { CliCommand, CommandContext } from './commands.ts';
import { toExitError } from './error-text.ts';
import { type ExitError, type ExitKind, exitCodes, ExitError as Stop } from './exit.ts';
import { formatCommandHelp, formatGroupHelp, formatHelpOverview, suggestCommand, wrapHelp } from './help.ts';
import { wrapText } from './layout.ts';
import { escapeForTerminal } from './output.ts';
import { type ActiveProfile, chooseProfile, type Environment, RepairedFileError } from './profile.ts';
import type { Prompt } from './prompt.ts';
import { loadSession } from './session.ts';
import { cliCommands, GlobalFlags } from './verbs.ts';

/** The environment and output of a run. Tests pass their own. */
export interface CliHost {
  readonly env: Environment;
  readonly width: number | undefined;
  readonly live: boolean;
  /** Asks the person at the terminal; undefined when there is none. */
  readonly ask?: Prompt | undefined;
  out(text: string | Uint8Array): void;
  err(text: string): void;
}

const globals = fieldsOf(GlobalFlags);
const starting = (words: readonly string[]) =>
  cliCommands.filter(command => words.every((word, index) => command.words[index] === word));

/** Moves global flags that stand before the command to behind it. */
function verbFirst(argv: readonly string[]): string[] {
  const rest = [...argv];
  const flags: string[] = [];
  while (rest[0]?.startsWith('-') && rest[0] !== '-') {
    const flag = rest.shift() as string;
    flags.push(flag);
    const field = globals.find(({ flag: name }) => flag === `--${name}`);
    if (field && field.type !== 'switch' && rest.length > 0) flags.push(rest.shift() as string);
  }
  return [...rest, ...flags];
}

/** Finds the command that the leading words name, and the rest of the arguments. */
function find(argv: readonly string[]): { command?: CliCommand; words: string[]; rest: string[] } {
  const end = argv.findIndex(word => word.startsWith('-'));
  const words = argv.slice(0, end < 0 ? undefined : end);
  for (let length = Math.min(3, words.length); length > 0; length--) {
    const command = cliCommands.find(
      ({ words: name }) => name.length === length && name.every((word, index) => words[index] === word),
    );
    if (command) return { command, words, rest: argv.slice(length) };
  }
  return { words, rest: [...argv] };
}

const wantsHelp = (argv: readonly string[]): boolean => {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? undefined : end).some(word => word === '--help' || word === '-h');
};

/** Adds `--as` to the commands that a text proposes, so that a person who acts as somebody can copy them. */
const proposeAs = (text: string, person: string | undefined): string =>
  person !== undefined && /^[\w.@-]+$/.test(person)
    ? text.replace(/(^|: |, |`)broch (?=[a-z])/gm, `$1broch --as ${person} `)
    : text;

/** Breaks the lines of a remark between words. A line with a command stays whole, because people copy it. */
const wrapRemark = (text: string, width: number | undefined): string =>
  text
    .split('\n')
    .flatMap(line => (line.includes('broch ') ? [line] : wrapText(line, width)))
    .join('\n');

function contextOf(
  world: CliHost,
  flags: Record<string, unknown>,
  interrupts: { message: () => string },
): CommandContext {
  const json = flags.json === true;
  const text = (name: string) => flags[name] as string | undefined;
  let place: ActiveProfile | undefined;
  let api: ApiClient | undefined;
  const profilePlace = () => (place ??= chooseProfile(world.env, text('profile')));
  return {
    env: world.env,
    json,
    width: world.width,
    live: world.live,
    ask: json ? undefined : world.ask,
    person: text('as'),
    profile: text('profile'),
    place: profilePlace,
    // The session is loaded only when the API is first called.
    api: () =>
      (api ??= createApiClient(profilePlace(), agentFor(profilePlace()), renewal =>
        loadSession(world.env, profilePlace(), text('as')).tokens(renewal),
      )),
    result: (value, answer) =>
      world.out(
        json
          ? `${JSON.stringify(value, null, 2)}\n`
          : typeof answer === 'string'
            ? `${proposeAs(answer, text('as'))}\n`
            : answer,
      ),
    remark: remark => json || world.err(`${wrapRemark(proposeAs(remark, text('as')), world.width)}\n`),
    onInterrupt: message => {
      interrupts.message = message;
    },
  };
}

function unknown(words: readonly string[]): ExitError {
  const hint = suggestCommand(words, cliCommands);
  return new Stop(
    'usage',
    `There is no command \`broch ${words.slice(0, 2).join(' ')}\`. ${hint ? `Did you mean \`broch ${hint}\`?` : `See: broch ${starting(words.slice(0, 1)).length > 0 ? `${words[0]} ` : ''}--help`}`,
  );
}

/** Prints an error as text, or as a problem document with --json. */
function tell(world: CliHost, { problem, ending }: ExitError, json: boolean, command?: CliCommand): void {
  if (json) {
    world.err(`${JSON.stringify(problem, null, 2)}\n`);
    return;
  }
  // Line breaks come from this command line. Each line may quote other people's text, so it is escaped.
  const lines = [
    problem.detail.split('\n').map(escapeForTerminal).join('\n'),
    ...(problem.errors ?? []).map(error => `  ${escapeForTerminal(error)}`),
  ];
  world.err(`broch: ${lines.join('\n')}\n`);
  if (ending === 'usage' && command) world.err(`More: broch ${command.words.join(' ')} --help\n`);
}

/** Runs a command again after a damaged file was set aside. Files are read before anything is done. */
async function withRepairs(world: CliHost, run: () => Promise<ExitKind>): Promise<ExitKind> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof RepairedFileError) || tries === 3) throw error;
      world.err(`${error.message}\n`);
    }
  }
}

/** Runs one command line and returns its exit code. */
export async function main(
  argv: readonly string[],
  world: CliHost,
  interrupts = { message: () => '' },
): Promise<number> {
  const asJson = argv.includes('--json');
  let command: CliCommand | undefined;
  try {
    const ordered = verbFirst(argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv);
    const match = find(ordered);
    command = match.command;
    if (!command) return withoutCommand(match.words, ordered, world);
    if (wantsHelp(match.rest)) {
      world.out(wrapHelp(formatCommandHelp(command, globals), world.width));
      return 0;
    }
    const fields: ArgumentField[] = [...fieldsOf(command.flags), ...globals];
    const values = parseArguments(fieldsOf(command.params), fields, match.rest);
    const ownFlags = Object.fromEntries(Object.entries(values.flags).filter(([name]) => !(name in GlobalFlags.shape)));
    const run = command.run;
    const ending = await withRepairs(world, () =>
      run({ params: values.params, flags: ownFlags }, contextOf(world, values.flags, interrupts)),
    );
    return exitCodes[ending][0];
  } catch (error) {
    const exit = toExitError(error);
    tell(world, exit, asJson, command);
    return exitCodes[exit.ending][0];
  }
}

function withoutCommand(words: readonly string[], ordered: readonly string[], world: CliHost): number {
  if (words.length === 0 && ordered[0] === '--version') {
    world.out(`${JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')).version}\n`);
    return exitCodes.ok[0];
  }
  const group = words.length > 0 ? starting(words.slice(0, 1)) : [];
  if (words.length === 0 && (wantsHelp(ordered) || ordered.length === 0))
    world.out(wrapHelp(formatHelpOverview(cliCommands, globals), world.width));
  else if (wantsHelp(ordered) && group.length > 0)
    world.out(wrapHelp(formatGroupHelp(words[0] as string, group), world.width));
  else if (words.length === 1 && group.length > 0) {
    world.err(wrapHelp(formatGroupHelp(words[0] as string, group), world.width));
    return exitCodes.usage[0];
  } else if (words.length === 0)
    throw new Stop('usage', `Put ${ordered[0]} after a command. All commands: broch --help`);
  else throw unknown(words);
  return exitCodes.ok[0];
}
