import { expect, it } from 'vitest';
import { readSource, repositoryFiles, typeScriptFiles } from './sources.ts';

/** The names that a file exports; a schema and its type may share one. */
const exportedNames = (file: string): string[] => {
  const names = [
    ...readSource(file).matchAll(
      /^export (?:declare )?(?:async )?(?:abstract )?(?:const|let|function\*?|class|interface|type) ([A-Za-z_$][\w$]*)/gm,
    ),
  ].map(([, name = '']) => name);
  return [...new Set(names)];
};

it('every exported name has one meaning in the whole repository', () => {
  const owners = new Map<string, string[]>();
  for (const file of typeScriptFiles)
    for (const name of exportedNames(file)) owners.set(name, [...(owners.get(name) ?? []), file]);
  // Every Lambda function's file exports these two.
  const shared = [...owners].filter(([name, files]) => files.length > 1 && name !== 'env' && name !== 'handler');
  expect(shared.map(([name, files]) => `${name}: ${files.join(', ')}`)).toEqual([]);
});

/**
 * Turns of phrase that this project's texts once had and that readers stumbled over, as patterns. The remedy: say who does
 * what, in the field's own terms (docs/glossary.md).
 */
const obscurePhrases =
  /\b(mend(?:s|ed|ing)?|anew|has its say|have their say|(?:is|are|was|were) told|of whom|so many are|what is over|goes? on with|by hand of|where it is so|nobody is in question|gone on with|nothing is written over|has no say|what has landed stays|anybody else there is none|is over, one way or the other)\b/i;

const prose = (file: string): string => {
  const text = readSource(file);
  if (file.endsWith('.md')) return text;
  // Comments, and everything in quotes that reads as a sentence.
  return [
    ...[...text.matchAll(/\/\*\*?[\s\S]*?\*\/|^\s*\/\/.*$/gm)].map(([comment]) => comment),
    ...[...text.matchAll(/'((?:\\.|[^'\\\n])* (?:\\.|[^'\\\n])*)'|`((?:\\.|[^`\\])* (?:\\.|[^`\\])*)`/g)].map(
      ([sentence]) => sentence,
    ),
  ].join('\n');
};

it('no file uses a word that plain English avoids', () => {
  const mistakes = repositoryFiles
    .filter(file => /\.(md|ts|js)$/.test(file) && file !== 'test/house/names.test.ts')
    .flatMap(file => {
      const phrase = obscurePhrases.exec(prose(file))?.[0];
      return phrase === undefined ? [] : [`${file}: ${phrase}`];
    });
  expect(mistakes).toEqual([]);
});
