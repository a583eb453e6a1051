import type { ByteSource } from './byte-source.ts';
import type { CheckedFile, FileKind } from './file.ts';
import type { Findings } from './findings.ts';
import type { Tier } from './policy.ts';
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

export const ALL_TIERS: readonly Tier[] = [1, 2, 3];

/** What is known of one format. It refers to no reader, so that the policies of the tiers can be built without any. */
export interface Format {
  /** Its media type. */
  readonly type: string;
  /** The tiers that its files may leave. What reviewers cannot be shown safely, such as a PDF, passes nowhere. */
  readonly tiers: readonly Tier[];
  /** Which names may hold it: a name with the extension of another format contradicts the bytes. */
  readonly extensions: readonly string[];
  /** How it is recognised. Which of the texts a text is, `sniff.ts` decides. */
  readonly magic?: Magic;
  /** The part of an office file by which it is recognised. */
  readonly part?: string;
  /** What a file of it may be declared as. */
  readonly kinds: readonly FileKind[];
}

/** Checks the bytes of a file, and hands every table in them to a table check of its own. */
export type FormatCheck = (input: FormatInput) => Promise<void>;

/**
 * Writes a file again from what reviewers are shown of it. A file with findings stays as it is, as the checks must see it;
 * so does one for which it returns nothing.
 */
export type FormatRewrite = (bytes: Uint8Array, findings: Findings) => Promise<Uint8Array | undefined>;
