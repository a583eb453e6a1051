import { readFileSync } from 'node:fs';
import { repositoryFiles } from '../house/sources.ts';

export interface MarkdownPage {
  readonly file: string;
  readonly text: string;
  /** Fenced blocks by their language. */
  blocks(language: string): string[];
  readonly headings: readonly { readonly level: number; readonly title: string; readonly anchor: string }[];
  /** The targets of links and pictures. */
  readonly links: readonly string[];
  /** What stands between single backticks, outside fenced blocks. */
  readonly spans: readonly string[];
}

/** A heading's anchor as GitHub makes it. */
const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

/** A Markdown file, taken apart as far as the tests of our own pages need. */
export function readMarkdownPage(file: string): MarkdownPage {
  const text = readFileSync(file, 'utf8');
  const fences = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', body = '']) => ({
    language,
    body,
  }));
  const prose = text.replace(/^```\w*\n[\s\S]*?^```$/gm, '');
  return {
    file,
    text,
    blocks: tongue => fences.flatMap(({ language, body }) => (language === tongue ? [body] : [])),
    headings: [...prose.matchAll(/^(#{1,6}) (.+)$/gm)].map(([, marks = '', title = '']) => ({
      level: marks.length,
      title,
      anchor: anchorOf(title),
    })),
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span),
  };
}

/** Splits a command line as a shell would, for the simple quoting that our pages use. */
export const splitShellWords = (line: string): string[] =>
  [...line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));

/** The commands of a page's `sh` blocks, a line each. */
export const listShellLines = ({ blocks }: MarkdownPage): string[] =>
  blocks('sh').flatMap(block => block.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#')));

/** Every Markdown page of the repository. */
export const documentationPages = repositoryFiles.filter(file => file.endsWith('.md')).map(readMarkdownPage);
