import type * as z from 'zod';
import { type ParsedArguments, validateArguments } from './arguments.ts';
import type { ApiClient } from './call.ts';
import type { ExitKind } from './exit.ts';
import type { ActiveProfile, Environment } from './profile.ts';

/** Everything a command may use. All its output goes through here. */
export interface CommandContext {
  readonly env: Environment;
  readonly json: boolean;
  /** Columns of the terminal, undefined when standard output is not one. */
  readonly width: number | undefined;
  /** Whether standard error is a terminal, so that one line can be redrawn. */
  readonly live: boolean;
  /** The values of `--as` and `--profile`. */
  readonly as: string | undefined;
  readonly profile: string | undefined;
  place(): ActiveProfile;
  api(): ApiClient;
  /** Prints the result: as text (or bytes), or with --json the JSON of the API. */
  result(json: unknown, shown: string | Uint8Array): void;
  /** Prints a remark on standard error; silent with --json. */
  remark(text: string): void;
  /** Sets the message to print if Ctrl-C ends the command from here on. */
  onInterrupt(say: () => string): void;
}

export interface CliCommand {
  readonly words: readonly string[];
  readonly summary: string;
  /** Further lines of the help. */
  readonly about?: readonly string[];
  readonly examples: readonly string[];
  readonly params?: z.ZodObject;
  readonly flags?: z.ZodObject;
  /** Receives values of the right type that have not been validated. */
  run(given: ParsedArguments, context: CommandContext): Promise<ExitKind>;
}

/** Defines a command by hand. Its `run` receives validated values. */
export function defineCommand<P extends z.ZodObject, F extends z.ZodObject>({
  run,
  ...of
}: Omit<CliCommand, 'run' | 'params' | 'flags'> & {
  readonly params: P;
  readonly flags: F;
  run(given: { params: z.infer<P>; flags: z.infer<F> }, context: CommandContext): Promise<ExitKind>;
}): CliCommand {
  return {
    ...of,
    run: (given, context) =>
      run(
        {
          params: validateArguments(of.params, given.params, ''),
          flags: validateArguments(of.flags, given.flags, '--'),
        },
        context,
      ),
  };
}
