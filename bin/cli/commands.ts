import type * as z from 'zod';
import { check, type Parsed } from './arguments.ts';
import type { Api } from './call.ts';
import type { Ending } from './exit.ts';
import type { Environment, Place } from './profile.ts';

/** What a command may use of the world: everything it prints goes through here. */
export interface Context {
  readonly env: Environment;
  readonly json: boolean;
  /** Columns of the terminal behind standard output, undefined where there is none. */
  readonly width: number | undefined;
  /** Whether standard error is a terminal, so that one line can live on it. */
  readonly live: boolean;
  /** The person asked for by `--as`, the profile by `--profile`. */
  readonly as: string | undefined;
  readonly profile: string | undefined;
  place(): Place;
  api(): Api;
  /** The result: for people (bytes as they are), or with --json the API's own JSON. */
  result(json: unknown, shown: string | Uint8Array): void;
  /** A remark for people beside the result, on standard error; silent with --json. */
  remark(text: string): void;
  /** What to say if Ctrl-C ends the command from here on. */
  onInterrupt(say: () => string): void;
}

export interface Command {
  readonly words: readonly string[];
  readonly summary: string;
  /** Further paragraphs of its help. */
  readonly about?: readonly string[];
  readonly examples: readonly string[];
  readonly params?: z.ZodObject;
  readonly flags?: z.ZodObject;
  /** Gets the values as given: of the right kind, not yet checked. */
  run(given: Parsed, context: Context): Promise<Ending>;
}

/** A command of its own making, whose run gets what its schemas made of the words. */
export function command<P extends z.ZodObject, F extends z.ZodObject>({
  run,
  ...of
}: Omit<Command, 'run' | 'params' | 'flags'> & {
  readonly params: P;
  readonly flags: F;
  run(given: { params: z.infer<P>; flags: z.infer<F> }, context: Context): Promise<Ending>;
}): Command {
  return {
    ...of,
    run: (given, context) =>
      run({ params: check(of.params, given.params, ''), flags: check(of.flags, given.flags, '--') }, context),
  };
}
