import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fieldsOf, parseArguments } from '../../bin/cli/arguments.ts';
import { cliCommands, GlobalFlags } from '../../bin/cli/verbs.ts';
import { documentationPages, listShellLines, splitShellWords } from './markdown.ts';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter(file => file !== '');
const scripts = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts);
const npm = new Set([...scripts, 'ci']);

describe.each(documentationPages)('$file', ({ file, headings, links, spans, text }) => {
  it('begins with its title and has no second one', () => {
    expect(headings.filter(({ level }) => level === 1)).toHaveLength(1);
    expect(text).toMatch(/^# /);
  });

  it('has text below every heading', () => {
    const dead = [...text.matchAll(/^(#+) (.+)\n+(?=(#+) |$(?![\s\S]))/gm)].filter(
      ([, marks = '', , next = '']) => next.length <= marks.length,
    );
    expect(dead.map(([, , title]) => title)).toEqual([]);
  });

  it('links only to pages and headings that exist', () => {
    const missing = links.filter(target => {
      if (target.startsWith('https://')) return false;
      const [path = '', anchor] = target.split('#');
      const linkedFile = path === '' ? file : normalize(join(dirname(file), path));
      if (!existsSync(linkedFile)) return true;
      return (
        anchor !== undefined &&
        !documentationPages.find(page => page.file === linkedFile)?.headings.some(heading => heading.anchor === anchor)
      );
    });
    expect(missing).toEqual([]);
  });

  it('names only files and folders that exist', () => {
    const top = new Set(tracked.map(path => path.split('/')[0]));
    const paths = spans.filter(
      span => /^[\w.-]+\/[\w./<>-]*$/.test(span) && top.has(span.split('/')[0]) && !span.includes('<'),
    );
    expect(paths.filter(path => !existsSync(path))).toEqual([]);
  });

  it('tells people to run only npm scripts that exist', () => {
    const scripts = [...text.matchAll(/`npm (?:run )?([a-z]+(?::[a-z]+)?)/g)].map(([, script = '']) => script);
    // `npm link` is npm's own.
    expect(scripts.filter(script => script !== 'link' && !npm.has(script))).toEqual([]);
  });
});

/** Asserts that a command line of ours would be understood; `<placeholders>` stand for values. */
function understood(line: string): void {
  const argv = splitShellWords(line).slice(1);
  const [command] = cliCommands
    .filter(({ words: name }) => name.every((word, index) => argv[index] === word))
    .sort((a, b) => b.words.length - a.words.length);
  if (!command) {
    expect(argv, line).toEqual(['--help']);
    return;
  }
  // Named without more, as in "run `broch deliver` again".
  if (argv.length === command.words.length) return;
  const fields = [...fieldsOf(command.flags), ...fieldsOf(GlobalFlags)];
  expect(() => parseArguments(fieldsOf(command.params), fields, argv.slice(command.words.length)), line).not.toThrow();
}

describe('README', () => {
  it('has at most 150 lines', () => {
    expect(readFileSync('README.md', 'utf8').split('\n').length).toBeLessThanOrEqual(151);
  });
});

describe('docs/picture.svg', () => {
  const picture = readFileSync('docs/picture.svg', 'utf8');
  it('uses no CSS variables, because only browsers support them', () => expect(picture).not.toContain('var('));
});

describe('the glossary', () => {
  const terms = [...readFileSync('docs/glossary.md', 'utf8').matchAll(/^\| ([a-z][a-z ]+) \|/gm)].map(
    ([, term = '']) => term,
  );
  const sources = tracked
    .filter(file => /\.(md|ts)$/.test(file) && file !== 'docs/glossary.md')
    .map(file => readFileSync(file, 'utf8').toLowerCase().replace(/\s+/g, ' '))
    .join(' ');
  it.each(terms)('%s is a term that code or pages use', term => expect(sources.includes(term)).toBe(true));
  it('has one entry for each term', () => {
    expect(new Set(terms).size).toBe(terms.length);
    expect(terms.length).toBeGreaterThan(25);
  });
});

describe('the broch commands on the pages', () => {
  // Alarms' own words are in the runbook.
  const inText = documentationPages.flatMap(({ spans }) => spans);
  const inBlocks = documentationPages.flatMap(listShellLines);
  const names = [...inText, ...inBlocks].filter(span => span.startsWith('broch ') && !span.includes('…'));

  it.each([...new Set(names)])('the command line accepts: %s', understood);
  it('are found by this test', () => expect(names.length).toBeGreaterThan(15));
});
