import { parseSync } from 'oxc-parser';
import { expect, it } from 'vitest';
import { readSource, typeScriptFiles } from './sources.ts';

/** Prepositions, pronouns, participles and other words that say nothing of what a value is. */
const vagueWords = new Set(
  `
  about above added admitted after again against all along also always among another answered any anybody anything apart
  approved are around as asked asks assessed at attempted before began begun behind below beside between beyond billed
  blocked both broken bundled by called changed checked chosen claimed cleaned clipped coded copied counted crashed
  created dated decided declared decoded deleted delivered denied deployed did disputed divided does done doubled
  drafted drawn dropped each elapsed else elsewhere encrypted ended ends enrolled entered erased escaped even ever
  everybody everything everywhere excluded existing explained explored extracted fetched few filled folded forged found
  from gave generated given gone got granted had has heard held here hers his how implied imported informed inside into
  invalid invisible is its judged kept keyed known landed lapsed later launched least left like limited listed loaded
  looked looks lost made many marked matched maybe means measured met mine missed more most moved muted named near
  needed never nobody none nothing numbered of off offered omitted on once one ones only opened other others ours out
  outside over own paged parsed passed past per perhaps pinned planned posted promised quoted ranked reached received
  recorded refused registered reissued rejected relaxed released reminded removed renewed reported required resumed
  retracted retried returned reviewed rotated rounded said same say says scanned sealed seen sent settled shown signed
  since skipped some somebody someone soon spent stands starts still stopped stripped submitted such superseded swept
  tabled tagged taken tampered than that theirs then there throttled through thus to together told trimmed turned twice
  unchanged under until up uploaded upon verified voted wanted was watched weighed were what when where which who whom
  whose why withheld within without written yet zipped
`.split(/\s+/),
);

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

interface LocalName {
  readonly name: string;
  readonly offset: number;
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string';

function childNodes(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (const field in node) {
    const value = node[field];
    if (Array.isArray(value)) for (const item of value) isNode(item) && children.push(item);
    else if (isNode(value)) children.push(value);
  }
  return children;
}

/** The names that a pattern binds: `{ a, b: [c = 1] }` binds `a` and `c`. */
function boundNames(pattern: unknown): LocalName[] {
  if (!isNode(pattern)) return [];
  const { type, start, name } = pattern;
  if (type === 'Identifier') return [{ name: String(name), offset: start }];
  if (type === 'AssignmentPattern') return boundNames(pattern.left);
  if (type === 'Property') return boundNames(pattern.value);
  if (type === 'RestElement') return boundNames(pattern.argument);
  return [pattern.properties, pattern.elements].flat().flatMap(boundNames);
}

/** What a node declares: the parameters of functions and of function types, variables, caught errors, functions. */
function declaredNames(node: SyntaxNode): LocalName[] {
  if (node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration') {
    return [...boundNames(node.id), ...parameterNames(node)];
  }
  return node.type === 'CatchClause' ? boundNames(node.param) : parameterNames(node);
}

function parameterNames({ params, parameters }: SyntaxNode): LocalName[] {
  const patterns = [params, parameters].flat().filter(isNode);
  const names = patterns.flatMap(boundNames);
  // A comparison of two values may call them a and b.
  return patterns.length === 2 ? names.filter(({ name }) => name !== 'a' && name !== 'b') : names;
}

const isVague = ({ name }: LocalName) => (name.length === 1 && !/[_xy]/.test(name)) || vagueWords.has(name);

function vagueNames(file: string, source: string): string[] {
  const names: LocalName[] = [];
  const visit = (node: SyntaxNode) => {
    names.push(...declaredNames(node).filter(isVague));
    childNodes(node).forEach(visit);
  };
  visit(parseSync(file, source).program as unknown as SyntaxNode);
  return names.map(({ name, offset }) => `${file}:${source.slice(0, offset).split('\n').length} ${name}`);
}

// The remedy: the noun that the field has for the value. `at` is an offset, an index or a timestamp.
it('every local value has a noun of the field as its name', () => {
  expect(typeScriptFiles.flatMap(file => vagueNames(file, readSource(file)))).toEqual([]);
});

it.each([
  ['a parameter', 'export const size = (of: string) => of.length;', 'of'],
  ['a parameter of a type', 'export type Sizer = (of: string) => number;', 'of'],
  ['a variable', 'for (const [, at = 0] of []) at;', 'at'],
  ['a field that is read into a name', 'const { path: from, ...rest } = file;', 'from'],
  ['what is left of an object', 'const { path, ...others } = file;', 'others'],
  ['a caught error', 'try {} catch (e) {}', 'e'],
  ['a function', 'function changed() {}', 'changed'],
])('the test finds a vague name for %s', (_, source, name) =>
  expect(vagueNames('x.ts', source)).toEqual([`x.ts:1 ${name}`]),
);

it.each([
  ['a comparison', 'list.sort((a, b) => a - b);'],
  ['a point', 'const move = (x: number, y: number) => [x, y];'],
  ['a value that nobody reads', 'list.map((_, index) => index);'],
  ['a field', 'const range = { from: 1, to: 2 };'],
  ['the name of another module', "import { of } from 'rxjs';"],
])('the test accepts the names in %s', (_, source) => expect(vagueNames('x.ts', source)).toEqual([]));
