import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Field, fieldsOf, parseWords } from './arguments.ts';
import { type Api, agentFor, apiAt } from './call.ts';
import type { Command, Context } from './commands.ts';
import { type Ending, type Exit, exitOf, exits, Exit as Stop } from './exit.ts';
import { commandHelp, groupHelp, overview, suggestion } from './help.ts';
import { safe } from './output.ts';
import { choosePlace, type Environment, type Place } from './profile.ts';
import { session } from './session.ts';
import { commands, Globals } from './verbs.ts';

/** Where a run prints and what it knows of its surroundings; a test gives its own. */
export interface World {
  readonly env: Environment;
  readonly width: number | undefined;
  readonly live: boolean;
  out(text: string | Uint8Array): void;
  err(text: string): void;
}

const globals = fieldsOf(Globals);
const starting = (words: readonly string[]) =>
  commands.filter(command => words.every((word, i) => command.words[i] === word));

/** Takes the flags of every command from before the verb, where people put them too, to behind it. */
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

/** The command that the leading words name, and what is left of them. */
function find(argv: readonly string[]): { command?: Command; words: string[]; rest: string[] } {
  const end = argv.findIndex(word => word.startsWith('-'));
  const words = argv.slice(0, end < 0 ? undefined : end);
  for (let length = Math.min(3, words.length); length > 0; length--) {
    const command = commands.find(
      ({ words: name }) => name.length === length && name.every((word, i) => words[i] === word),
    );
    if (command) return { command, words, rest: argv.slice(length) };
  }
  return { words, rest: [...argv] };
}

const wantsHelp = (argv: readonly string[]): boolean => {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? undefined : end).some(word => word === '--help' || word === '-h');
};

function contextOf(world: World, flags: Record<string, unknown>, interrupts: { say: () => string }): Context {
  const json = flags.json === true;
  const text = (name: string) => flags[name] as string | undefined;
  let place: Place | undefined;
  let api: Api | undefined;
  const chosen = () => (place ??= choosePlace(world.env, text('profile')));
  return {
    env: world.env,
    json,
    width: world.width,
    live: world.live,
    as: text('as'),
    profile: text('profile'),
    place: chosen,
    // Who is signed in matters only once something is asked that needs it.
    api: () =>
      (api ??= apiAt(chosen(), agentFor(chosen()), renewed =>
        session(world.env, chosen(), text('as')).tokens(renewed),
      )),
    result: (value, shown) =>
      world.out(json ? `${JSON.stringify(value, null, 2)}\n` : typeof shown === 'string' ? `${shown}\n` : shown),
    remark: shown => json || world.err(`${shown}\n`),
    onInterrupt: say => {
      interrupts.say = say;
    },
  };
}

function unknown(words: readonly string[]): Exit {
  const hint = suggestion(words, commands);
  return new Stop(
    'usage',
    `There is no command \`broch ${words.slice(0, 2).join(' ')}\`. ${hint ? `Did you mean \`broch ${hint}\`?` : 'All commands: broch --help'}`,
  );
}

/** Prints an error: a line and its details for people, a problem document for machines. */
function tell(world: World, { problem, ending }: Exit, json: boolean, command?: Command): void {
  if (json) {
    world.err(`${JSON.stringify(problem, null, 2)}\n`);
    return;
  }
  // Several lines are the command line's own; what others wrote is made safe line by line.
  const lines = [
    problem.detail.split('\n').map(safe).join('\n'),
    ...(problem.errors ?? []).map(error => `  ${safe(error)}`),
  ];
  world.err(`broch: ${lines.join('\n')}\n`);
  if (ending === 'usage' && command) world.err(`More: broch ${command.words.join(' ')} --help\n`);
}

/** Runs one command line and returns its exit code. */
export async function main(argv: readonly string[], world: World, interrupts = { say: () => '' }): Promise<number> {
  const asJson = argv.includes('--json');
  let command: Command | undefined;
  try {
    const ordered = verbFirst(argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv);
    const found = find(ordered);
    command = found.command;
    if (!command) return withoutCommand(found.words, ordered, world);
    if (wantsHelp(found.rest)) {
      world.out(commandHelp(command, globals));
      return 0;
    }
    const fields: Field[] = [...fieldsOf(command.flags), ...globals];
    const parsed = parseWords(fieldsOf(command.params), fields, found.rest);
    const own = Object.fromEntries(Object.entries(parsed.flags).filter(([name]) => !(name in Globals.shape)));
    const context = contextOf(world, parsed.flags, interrupts);
    const ending: Ending = await command.run({ params: parsed.params, flags: own }, context);
    return exits[ending][0];
  } catch (error) {
    const exit = exitOf(error);
    tell(world, exit, asJson, command);
    return exits[exit.ending][0];
  }
}

function withoutCommand(words: readonly string[], ordered: readonly string[], world: World): number {
  if (words.length === 0 && ordered[0] === '--version') {
    world.out(`${JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')).version}\n`);
    return exits.ok[0];
  }
  const group = words.length > 0 ? starting(words.slice(0, 1)) : [];
  if (words.length === 0 && (wantsHelp(ordered) || ordered.length === 0)) world.out(overview(commands, globals));
  else if (wantsHelp(ordered) && group.length > 0) world.out(groupHelp(words[0] as string, group));
  else if (words.length === 1 && group.length > 0) {
    world.err(groupHelp(words[0] as string, group));
    return exits.usage[0];
  } else if (words.length === 0)
    throw new Stop('usage', `${ordered[0]} comes after a command. All commands: broch --help`);
  else throw unknown(words);
  return exits.ok[0];
}
