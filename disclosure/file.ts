import * as z from 'zod';

/** What a file is declared as: what reviewers are to judge it as. */
export const FileKind = z.enum(['table', 'figure', 'model', 'code', 'log', 'supporting']);
export type FileKind = z.infer<typeof FileKind>;

/** A file as the checks know it. */
export interface CheckedFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly kind: FileKind;
  /** The media type that the first bytes show, whatever the name says. */
  readonly type: string;
  /** The index of the file's group in its request. */
  readonly group: number;
}

export const extensionOf = (path: string): string => /\.([^./]{1,12})$/.exec(path)?.[1]?.toLowerCase() ?? '';

/** The extensions of code and of settings. */
export const CODE_EXTENSIONS: readonly string[] =
  'py r rmd qmd do ado sql jl sas sh bash ps1 js ts java c h cpp go rs m stan pl rb scala yaml yml toml cfg ini tex css'.split(
    ' ',
  );
