import { CODE_EXTENSIONS, extensionOf, FileKind } from '../file.ts';
import { ALL_TIERS, type Format, type FormatCheck, type FormatInput } from '../format.ts';
import { checkText, toUtf8Stream } from '../text.ts';
import { TextTableReader } from '../text-tables.ts';

/** Words stand beside anything, as a README does beside tables: reviewers read them, and the tables in them are judged. */
export const textFormat: Format = {
  type: 'text/plain',
  tiers: ALL_TIERS,
  extensions: ['csv', 'tsv', 'tab', 'txt', 'log', 'md', ...CODE_EXTENSIONS],
  kinds: FileKind.options,
};

export const checkPlainText: FormatCheck = input => checkTextTables(input);

/** Checks a text line by line, and the tables that stand in it. */
export async function checkTextTables(
  { file, source, findings, newTable }: FormatInput,
  options: { isCode?: boolean; isPage?: boolean } = {},
): Promise<void> {
  const isLatex = extensionOf(file.path) === 'tex';
  await checkText(toUtf8Stream(source), findings, new TextTableReader(findings, newTable, { ...options, isLatex }));
}
