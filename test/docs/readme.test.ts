import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { capabilityWords } from '../house/sources.ts';
import { readMarkdownPage } from './markdown.ts';

const readme = readMarkdownPage('README.md');
const story = 'local/story';
const sources = readdirSync(story).map(file => readFileSync(join(story, file), 'utf8'));

/** What a text or template of the source may come out as. */
const pattern = (literal: string) =>
  new RegExp(
    `^${literal
      .replaceAll('\\', '')
      .split(/\$\{[^}]*\}/)
      .map(part => part.replace(/[.*+?^()|[\]{}$\\]/g, '\\$&'))
      .join('.+')}$`,
  );
const literals = sources.flatMap(source =>
  [...source.matchAll(/`((?:\\.|[^`\\])*)`|'((?:\\.|[^'\\\n])*)'|"((?:\\.|[^"\\\n])*)"/g)].map(
    ([, inBackticks, inSingle, inDouble]) => pattern(inBackticks ?? inSingle ?? inDouble ?? ''),
  ),
);

describe('the transcript of npm start in README', () => {
  const [transcript = ''] = readme.blocks('text');
  const lines = transcript.split('\n').filter(line => line !== '');
  const telling = literals.filter(({ source }) => source.replaceAll('.+', '').length > 20);

  it.each(lines)('shows a line that the story prints: %s', line => {
    const step = line.replace(/^✓ (.*) \(\d+\.\d s\)$/, '$1').trim();
    expect(telling.some(literal => literal.test(step))).toBe(true);
  });

  it('fails this test if it shows a line that the story does not print', () => {
    expect(telling.some(literal => literal.test('Petra delivers 73 parcels with `broch deliver`'))).toBe(false);
    expect(lines.length).toBeGreaterThan(10);
  });
});

it('docs/architecture.md names every capability', () => {
  const words = /The capabilities are (.+?)\. Each/s.exec(readMarkdownPage('docs/architecture.md').text)?.[1];
  expect(words?.split(/,\s|\sand\s/)).toEqual(capabilityWords.map(word => `\`${word}\``));
});

it('docs/picture.svg has a title and is legible in light and dark mode', () => {
  const picture = readFileSync('docs/picture.svg', 'utf8');
  expect(picture).toContain('prefers-color-scheme: dark');
  expect(picture).toMatch(/<title[^>]*>.+<\/title>/);
  expect(picture).not.toMatch(/<script|href="http|url\(http|<image/);
});
