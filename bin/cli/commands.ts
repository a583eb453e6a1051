import type * as z from 'zod';
import { type ParsedArguments, validateArguments } from './arguments.ts';
import type { ApiClient } from './call.ts';
import type { ExitKind } from './exit.ts';
import type { ActiveProfile, Environment } from './profile.ts';

/** What a command may use of the world: everything it prints goes through here. */
export interface CommandContext {
  readonly env: Environment;
  readonly json: boolean;
  /** Columns of the terminal behind standard output, undefined where there is none. */
  readonly width: number | undefined;
  /** Whether standard error is a terminal, so that one line can live on it. */
  readonly live: boolean;
  /** The person asked for by `--as`, the profile by `--profile`. */
  readonly as: string | undefined;
  readonly profile: string | undefined;
  place(): ActiveProfile;
  api(): ApiClient;
  /** The result: for people (bytes as they are), or with --json the API's own JSON. */
  result(json: unknown, shown: string | Uint8Array): void;
  /** A remark for people beside the result, on standard error; silent with --json. */
  remark(text: string): void;
  /** What to say if Ctrl-C ends the command from here on. */
  onInterrupt(say: () => string): void;
}

export interface CliCommand {
  readonly words: readonly string[];
  readonly summary: string;
  /** Further paragraphs of its help. */
  readonly about?: readonly string[];
  readonly examples: readonly string[];
  readonly params?: z.ZodObject;
  readonly flags?: z.ZodObject;
  /** Gets the values as given: of the right kind, not yet checked. */
  run(given: ParsedArguments, context: CommandContext): Promise<ExitKind>;
}

/** A command of its own making, whose run gets what its schemas made of the words. */
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
