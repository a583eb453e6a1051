import type { ByteSource } from './byte-source.ts';
import type { CheckedFile, FileKind } from './file.ts';
import type { Findings } from './findings.ts';
import type { TableCheck } from './sdc/table.ts';

/** What the bytes of a format are from an offset on. Four letters or fewer can begin a text as well: then they say nothing. */
export type Magic = ({ readonly hex: string } | { readonly letters: string }) & { readonly at?: number };

/** A file whose format is known, and who takes what is found in it. */
export interface FormatInput {
  readonly file: CheckedFile;
  readonly source: ByteSource;
  readonly findings: Findings;
  readonly newTable: (sheet?: string) => TableCheck;
}

/** What the checks know of one format; its media type and its tiers are the policy's (`PASSING_FORMATS`). */
export interface Format {
  /** Which names may hold it: a name with the extension of another format contradicts the bytes. */
  readonly extensions: readonly string[];
  /** How it is recognised. Which of the texts a text is, `sniff.ts` decides. */
  readonly magic?: Magic;
  /** The part of an office file by which it is recognised. */
  readonly part?: string;
  /** What a file of it may be declared as. */
  readonly kinds: readonly FileKind[];
  /** Checks the bytes, and hands every table in them to a table check of its own. */
  check(input: FormatInput): Promise<void>;
}
