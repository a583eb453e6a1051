import * as z from 'zod';
import { type ArgumentField, fieldsOf } from './arguments.ts';
import { type CliCommand, defineCommand } from './commands.ts';

/** What can follow some words: further words, flags, and the values of flags with fixed choices. */
interface Place {
  readonly words: string;
  readonly next: readonly (readonly [word: string, about: string])[];
  readonly flags: readonly ArgumentField[];
}

function places(commands: readonly CliCommand[], globals: readonly ArgumentField[]): Place[] {
  const heads = new Map<string, Map<string, string>>([['', new Map()]]);
  for (const { words, summary } of commands) {
    for (let length = 0; length < words.length; length++) {
      const head = words.slice(0, length).join(' ');
      const next = heads.get(head) ?? new Map<string, string>();
      const word = words[length] as string;
      next.set(word, length === words.length - 1 ? summary : `${word} commands`);
      heads.set(head, next);
    }
  }
  return [
    ...[...heads].map(([words, next]) => ({ words, next: [...next], flags: globals })),
    ...commands.map(({ words, params, flags }) => ({
      words: words.join(' '),
      // Only a first argument with fixed choices is completed, because its position is known from the words alone.
      next: (fieldsOf(params)[0]?.choices ?? []).map(choice => [choice, ''] as const),
      flags: [...fieldsOf(flags), ...globals],
    })),
  ];
}

/** Quotes a text for any of the three shells: each single quote is closed, escaped and reopened. */
const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;
const fishQuote = (text: string) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
const names = (fields: readonly ArgumentField[]) => fields.map(({ flag }) => `--${flag}`);
const choosing = (fields: readonly ArgumentField[]) => fields.filter(({ choices }) => choices.length > 0);
const taking = (fields: readonly ArgumentField[]) => fields.filter(({ type }) => type !== 'switch');

/** Every flag that takes a value; the value is skipped when words are counted. */
const withValues = (places: readonly Place[]) => [...new Set(places.flatMap(({ flags }) => names(taking(flags))))];

function bash(places: readonly Place[]): string {
  const cases = places.map(({ words, next, flags }) =>
    [
      `    ${quote(words)})`,
      `      next=${quote(next.map(([word]) => word).join(' '))}`,
      `      flags=${quote(names(flags).join(' '))}`,
      ...choosing(flags).map(
        ({ flag, choices }) => `      [[ $before == --${flag} ]] && values=${quote(choices.join(' '))}`,
      ),
      '      ;;',
    ].join('\n'),
  );
  return `# Completion of broch for bash. Load it with: source <(broch completion bash)
_broch() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  local at='' next='' flags='' values='' word skip='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      ${withValues(places).join('|')}) skip=1 ;;
      -*) ;;
      *) if _broch_known "\${at:+$at }$word"; then at="\${at:+$at }$word"; fi ;;
    esac
  done
  case $at in
${cases.join('\n')}
  esac
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
  elif [[ -n $skip ]]; then
    compopt -o default 2> /dev/null
    COMPREPLY=()
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  elif [[ -n $next ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$next" -- "$current")
  else
    compopt -o default 2> /dev/null
    COMPREPLY=()
  fi
}
_broch_known() {
  case $1 in
    ${places
      .filter(({ words }) => words !== '')
      .map(({ words }) => quote(words))
      .join('|')}) return 0 ;;
  esac
  return 1
}
complete -F _broch broch
`;
}

function zsh(places: readonly Place[]): string {
  const entry = (word: string, description: string) =>
    quote(`${word.replace(/:/g, '\\:')}${description && `:${description}`}`);
  const cases = places.map(({ words, next, flags }) =>
    [
      `    ${quote(words)})`,
      `      next=(${next.map(([word, description]) => entry(word, description)).join(' ')})`,
      `      flags=(${flags.map(({ flag, description }) => entry(`--${flag}`, description)).join(' ')})`,
      ...choosing(flags).map(
        ({ flag, choices }) => `      [[ $before == --${flag} ]] && values=(${choices.map(quote).join(' ')})`,
      ),
      '      ;;',
    ].join('\n'),
  );
  return `#compdef broch
# Completion of broch for zsh. Put it in your $fpath as _broch, or load it with: source <(broch completion zsh)
_broch() {
  local -a next flags values known takers
  local at='' word skip='' before=\${words[CURRENT-1]} i
  known=(${places
    .filter(({ words }) => words !== '')
    .map(({ words }) => quote(words))
    .join(' ')})
  takers=(${withValues(places).join(' ')})
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    if (( \${takers[(Ie)$word]} )); then skip=1
    elif [[ $word == -* ]]; then :
    elif (( \${known[(Ie)\${at:+$at }$word]} )); then at="\${at:+$at }$word"
    fi
  done
  case $at in
${cases.join('\n')}
  esac
  if (( \${#values} )); then compadd -- $values
  elif [[ -n $skip ]]; then _files
  elif [[ \${words[CURRENT]} == -* ]]; then _describe -o flag flags
  elif (( \${#next} )); then _describe command next
  else _files
  fi
}
if [[ $funcstack[1] == _broch ]]; then _broch "$@"; else compdef _broch broch; fi
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ words, next, flags }) => {
    const condition = `-n ${fishQuote(`test (__broch_at) = "${words}"`)}`;
    return [
      ...next.map(
        ([word, description]) =>
          `complete -c broch ${condition} -f -a ${fishQuote(word)}${description && ` -d ${fishQuote(description)}`}`,
      ),
      ...flags.map(
        ({ flag, type, choices, description }) =>
          `complete -c broch ${condition} -l ${flag}${type === 'switch' ? '' : ' -r'}${choices.length > 0 ? ` -f -a ${fishQuote(choices.join(' '))}` : ''}${description && ` -d ${fishQuote(description)}`}`,
      ),
    ];
  });
  return `# Completion of broch for fish. Save it as ~/.config/fish/completions/broch.fish, or: broch completion fish | source
function __broch_at
  set -l known ${places
    .filter(({ words }) => words !== '')
    .map(({ words }) => fishQuote(words))
    .join(' ')}
  set -l at ''
  set -l skip ''
  for word in (commandline -opc)[2..-1]
    if test -n "$skip"
      set skip ''
      continue
    end
    if contains -- $word ${withValues(places).join(' ')}
      set skip 1
    else if string match -q -- '-*' $word
      continue
    else
      set -l longer (string trim -- "$at $word")
      if contains -- $longer $known
        set at $longer
      end
    end
  end
  echo "$at"
end
${lines.join('\n')}
`;
}

export const completionShells = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof completionShells)[number];

const scripts = { bash, zsh, fish } satisfies Record<CompletionShell, unknown>;

/** The script for a shell, generated from the commands. */
export const completionScript = (
  shell: CompletionShell,
  commands: readonly CliCommand[],
  globals: z.ZodObject,
): string => scripts[shell](places(commands, fieldsOf(globals)));

export const createCompletionCommand = (commands: () => readonly CliCommand[], globals: z.ZodObject): CliCommand =>
  defineCommand({
    words: ['completion'],
    summary: 'Print a completion script for your shell',
    examples: ['completion bash', 'completion zsh', 'completion fish'],
    notes: [
      'To install it: broch completion install. To load it in this terminal only: source <(broch completion bash)',
    ],
    params: z.object({ shell: z.enum(completionShells).describe('your shell') }),
    flags: z.object({}),
    async run({ params: { shell } }, context) {
      const text = completionScript(shell, commands(), globals);
      context.result({ shell, script: text }, text.trimEnd());
      return 'ok';
    },
  });
