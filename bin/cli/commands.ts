import type * as z from 'zod';
import { type ParsedArguments, validateArguments } from './arguments.ts';
import type { ApiClient } from './call.ts';
import type { ExitKind } from './exit.ts';
import type { ActiveProfile, Environment } from './profile.ts';
import type { Prompt } from './prompt.ts';

/** Everything a command may use. All its output goes through here. */
export interface CommandContext {
  readonly env: Environment;
  readonly json: boolean;
  /** Columns of the terminal, undefined when standard output is not one. */
  readonly width: number | undefined;
  /** Whether standard error is a terminal, so that one line can be redrawn. */
  readonly live: boolean;
  /** Asks the person at the terminal; undefined when nobody can answer, or with --json. */
  readonly ask: Prompt | undefined;
  /** The values of `--as` and `--profile`. */
  readonly person: string | undefined;
  readonly profile: string | undefined;
  place(): ActiveProfile;
  api(): ApiClient;
  /** Prints the result: as text (or bytes), or with --json the JSON of the API. */
  result(json: unknown, text: string | Uint8Array): void;
  /** Prints a remark on standard error; silent with --json. */
  remark(text: string): void;
  /** Sets the message to print if Ctrl-C ends the command from here on. */
  onInterrupt(message: () => string): void;
}

export interface CliCommand {
  readonly words: readonly string[];
  readonly summary: string;
  /** The command that people use instead. This one is a step of it, for scripts. */
  readonly stepOf?: string;
  /** Further lines of the help. */
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  readonly params?: z.ZodObject;
  readonly flags?: z.ZodObject;
  /** Receives values of the right type that have not been validated. */
  run(values: ParsedArguments, context: CommandContext): Promise<ExitKind>;
}

/** Defines a command by hand. Its `run` receives validated values. */
export function defineCommand<P extends z.ZodObject, F extends z.ZodObject>({
  run,
  ...command
}: Omit<CliCommand, 'run' | 'params' | 'flags'> & {
  readonly params: P;
  readonly flags: F;
  run(values: { params: z.infer<P>; flags: z.infer<F> }, context: CommandContext): Promise<ExitKind>;
}): CliCommand {
  return {
    ...command,
    run: (values, context) =>
      run(
        {
          params: validateArguments(command.params, values.params, ''),
          flags: validateArguments(command.flags, values.flags, '--'),
        },
        context,
      ),
  };
}
