import { findGroupIndex, matchesWildcard } from '../../functions/airlock/steps/wildcards.ts';
import { escapeForTerminal, formatCount } from './output.ts';

interface PatternGroup {
  readonly kind: string;
  readonly paths: readonly string[];
}

/** What each pattern of a request takes of a folder, and the files that no pattern takes. */
export interface PatternMatches {
  readonly patterns: readonly { readonly kind: string; readonly pattern: string; readonly files: readonly string[] }[];
  readonly remainder: readonly string[];
}

/** Gives each file to the first group that takes it, as the seal will, and there to the first pattern. */
export function matchPatterns(paths: readonly string[], groups: readonly PatternGroup[]): PatternMatches {
  const files = [...paths].sort();
  const groupIndexes = new Map(files.map(path => [path, findGroupIndex(path, groups)]));
  const patterns = groups.flatMap(({ kind, paths: groupPatterns }, group) =>
    groupPatterns.map((pattern, position) => ({
      kind,
      pattern,
      files: files.filter(
        path =>
          groupIndexes.get(path) === group &&
          groupPatterns.findIndex(candidate => matchesWildcard(path, candidate)) === position,
      ),
    })),
  );
  return { patterns, remainder: files.filter(path => groupIndexes.get(path) === -1) };
}

const MAX_LISTED = 10;

function listFiles(files: readonly string[]): string[] {
  const excess = files.length - MAX_LISTED;
  return [
    ...files.slice(0, MAX_LISTED).map(path => `  ${escapeForTerminal(path)}`),
    ...(excess > 0 ? [`  and ${formatCount(excess)} more`] : []),
  ];
}

const countFiles = (count: number): string =>
  count === 0 ? 'no file' : `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`;

export function formatPatternMatches({ patterns, remainder }: PatternMatches): string {
  return [
    ...patterns.flatMap(({ kind, pattern, files }) => [
      `${kind} ${escapeForTerminal(pattern)}: ${countFiles(files.length)}`,
      ...listFiles(files),
    ]),
    ...(remainder.length > 0
      ? [
          `No pattern takes ${remainder.length === 1 ? 'this file' : `these ${formatCount(remainder.length)} files`}, so the request would be returned to you:`,
          ...listFiles(remainder),
        ]
      : []),
  ].join('\n');
}
