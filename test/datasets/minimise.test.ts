import { createHash, createHmac, randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { MinimisationRecipe, type RecipeColumn, type RecipeTable } from '../../functions/datasets/recipe.ts';
import { recipeDigest } from '../../functions/datasets/recipe-digest.ts';
import { createCellStep, createSampler } from '../../functions/datasets/recipe-steps.ts';
import { TableMinimiser } from '../../functions/datasets/table-minimiser.ts';

const key = Buffer.alloc(32, 7);
const otherKey = Buffer.alloc(32, 8);
const step = (column: Partial<RecipeColumn> & Pick<RecipeColumn, 'do'>, text: string, secret = key) =>
  createCellStep({ name: 'x', ...column } as RecipeColumn, secret)(text);
const tableOf = (table: object): RecipeTable =>
  MinimisationRecipe.parse({ recipe: 1, tables: [{ path: '*.csv', ...table }] }).tables[0] as RecipeTable;

/** The minimised table of a table that arrives in pieces of some bytes. */
function minimise(text: string | Uint8Array, table: object, secret = key, piece = 7) {
  const minimiser = new TableMinimiser('visits.csv', tableOf(table), secret);
  const bytes = Buffer.from(text);
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += piece)
    parts.push(minimiser.take(bytes.subarray(offset, offset + piece)));
  const end = minimiser.end();
  return { text: Buffer.concat([...parts, end.bytes]).toString('utf8'), counts: end.counts };
}

describe('a cell', () => {
  it.each([
    ['a date to its month', { do: 'date', to: 'month', format: 'yyyy-mm-dd' }, '1980-04-09', '1980-04'],
    ['a date to its quarter', { do: 'date', to: 'quarter', format: 'yyyy-mm-dd' }, '1980-12-31', '1980-Q4'],
    ['a time to its year', { do: 'date', to: 'year', format: 'yyyy-mm-dd' }, '1980-04-09T10:11:12Z', '1980'],
    ['a British date', { do: 'date', to: 'month', format: 'dd/mm/yyyy' }, '9/4/1980', '1980-04'],
    ['an American date', { do: 'date', to: 'month', format: 'mm/dd/yyyy' }, '04/09/1980', '1980-04'],
    ['a date of digits', { do: 'date', to: 'month', format: 'yyyymmdd' }, '19800409', '1980-04'],
    ['a postcode to its outward code', { do: 'postcode', to: 'outward' }, 'dd1 9sy', 'DD1'],
    ['a postcode of London', { do: 'postcode', to: 'outward' }, 'EC1A1BB', 'EC1A'],
    ['a postcode to its area', { do: 'postcode', to: 'area' }, 'DD11 9SY', 'DD'],
    ['an outward code', { do: 'postcode', to: 'area' }, 'M1', 'M'],
    ['an age to five years', { do: 'number', step: 5 }, '43', '40'],
    ['a number below zero', { do: 'number', step: 5 }, '-3', '-5'],
    ['a fraction', { do: 'number', step: 0.1 }, '0.3', '0.3'],
    ['an age that is rare', { do: 'number', step: 5, max: 90 }, '103', '90'],
    ['a number that is too low', { do: 'number', min: 10 }, '3', '10'],
    ['a value that is kept', { do: 'keep' }, ' a "b" ', ' a "b" '],
  ] as const)('%s', (_, column, text, result) => expect(step(column, text)).toBe(result));

  it.each([
    ['a day that the month does not have', { do: 'date', to: 'year', format: 'yyyy-mm-dd' }, '1980-02-30'],
    ['a date of another format', { do: 'date', to: 'year', format: 'yyyy-mm-dd' }, '09/04/1980'],
    ['a name instead of a date', { do: 'date', to: 'year', format: 'yyyy-mm-dd' }, 'Smith'],
    ['half a postcode', { do: 'postcode', to: 'area' }, 'DD1 9'],
    ['an address instead of a postcode', { do: 'postcode', to: 'area' }, '1 High Street, DD1 9SY'],
    ['words instead of a number', { do: 'number', step: 5 }, 'forty'],
    ['a number with a name', { do: 'number', max: 90 }, '43 Smith'],
    ['rows in a cell', { do: 'keep' }, 'North\n2,Jones,South'],
    ['a tab in a cell', { do: 'keep' }, 'North\tJones'],
    ['bytes that are no text', { do: 'keep' }, 'North\ufffd'],
    ['rows in an identifier', { do: 'hash' }, '1\n2'],
  ] as const)('with %s is never passed on', (_, column, text) => expect(step(column, text)).toBeUndefined());

  it('that is empty stays empty', () => {
    for (const column of [{ do: 'keep' }, { do: 'hash' }, { do: 'number', step: 5 }] as const)
      expect(step(column, '  ')).toBe('');
  });

  it('with an identifier becomes a pseudonym that links in one project only', () => {
    const pseudonym = step({ do: 'hash' }, '943 476 5919');
    expect(pseudonym).toMatch(/^[0-9a-f]{32}$/);
    expect(step({ do: 'hash' }, ' 943 476 5919 ')).toBe(pseudonym);
    expect(step({ do: 'hash' }, '943 476 5918')).not.toBe(pseudonym);
    expect(step({ do: 'hash' }, '943 476 5919', otherKey)).not.toBe(pseudonym);
    // Whoever knows the identifiers of all people still does not know the key.
    expect(pseudonym).not.toBe(createHash('sha256').update('943 476 5919').digest('hex').slice(0, 32));
    const hmac = createHmac('sha256', key).update('pseudonym\n943 476 5919').digest('hex');
    expect(pseudonym).toBe(hmac.slice(0, 32));
  });
});

describe('a table', () => {
  const text =
    '\ufeffnhs,name,born,postcode,region\r\n1,Ann Smith,1980-04-09,DD1 9SY,"North, East"\r\n2,Bob Jones,unknown,DD2 1AA,South\r\n3,short,row\r\n';
  const columns = [
    { name: 'nhs', do: 'hash', as: 'person' },
    { name: 'born', do: 'date', to: 'year' },
    { name: 'postcode', do: 'postcode', to: 'area' },
    { name: 'region', do: 'keep' },
  ];

  it('keeps what the recipe names and nothing else, and says how much was left out', () => {
    const { text: result, counts } = minimise(text, { columns });
    const [first, second] = ['1', '2'].map(id => step({ do: 'hash' }, id));
    expect(result).toBe(`person,born,postcode,region\n${first},1980,DD,"North, East"\n${second},,DD,South\n`);
    expect(counts).toEqual({
      path: 'visits.csv',
      read: 3,
      written: 2,
      sampledOut: 0,
      malformed: 1,
      columns: [
        { name: 'person', do: 'hash', emptied: 0 },
        { name: 'born', do: 'date', emptied: 1 },
        { name: 'postcode', do: 'postcode', emptied: 0 },
        { name: 'region', do: 'keep', emptied: 0 },
      ],
      columnsLeftOut: 1,
    });
    expect(JSON.stringify(counts)).not.toMatch(/Smith|DD1|1980|unknown/);
  });

  it('is the same however its bytes arrive', () => {
    const results = [1, 3, 64, 1000].map(piece => minimise(text, { columns }, key, piece).text);
    expect(new Set(results).size).toBe(1);
  });

  it.each([
    [
      'a column that it does not have',
      text,
      [{ name: 'age', do: 'keep' }],
      /has no column age, which the recipe names/,
    ],
    ['two columns of one name', 'a,b,a\n1,2,3\n', [{ name: 'a', do: 'keep' }], /has two columns a\. Ask/],
    ['nothing in it', '', [{ name: 'a', do: 'keep' }], /is empty/],
    ['a quote that is not closed', 'a,b\n1,"2\n3,4\n', [{ name: 'a', do: 'keep' }], /1 cells with a quote/],
  ])('with %s is refused', (_, table, wrongColumns, reason) =>
    expect(() => minimise(table, { columns: wrongColumns })).toThrow(reason),
  );

  it('that is sampled keeps the same people in every table of the project, with all their rows', () => {
    const people = Array.from({ length: 2000 }, (_, index) => `p${index}`);
    const visits = minimise(`id,n\n${people.flatMap(id => [`${id},1`, `${id},2`]).join('\n')}\n`, {
      columns: [{ name: 'id', do: 'keep' }],
      sample: { by: 'id', share: 0.1 },
    });
    const sampledPeople = new Set(visits.text.trim().split('\n').slice(1));
    expect(visits.counts).toMatchObject({ read: 4000, written: 2 * sampledPeople.size });
    expect(sampledPeople.size).toBeGreaterThan(140);
    expect(sampledPeople.size).toBeLessThan(260);
    const [includes, otherIncludes] = [createSampler(0.1, key), createSampler(0.1, otherKey)];
    expect(people.filter(includes)).toEqual([...sampledPeople]);
    expect(people.filter(otherIncludes)).not.toEqual([...sampledPeople]);
    expect(includes('')).toBe(false);
  });

  it('of 15 MB holds no more memory than one of 3 MB', { timeout: 120_000 }, () => {
    const block = Buffer.from(
      Array.from({ length: 4000 }, (_, id) => `${id},Ann Smith,1980-04-09,DD1 9SY,North\n`).join(''),
    );
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    /** The most memory that is in use between blocks, without garbage. */
    const measurePeak = (blocks: number) => {
      const minimiser = new TableMinimiser('visits.csv', tableOf({ columns }), key);
      minimiser.take(Buffer.from('nhs,name,born,postcode,region\n'));
      let peak = 0;
      for (let index = 0; index < blocks; index++) {
        minimiser.take(block);
        if (index % 10 !== 9) continue;
        collectGarbage();
        const { heapUsed, external } = process.memoryUsage();
        peak = Math.max(peak, heapUsed + external);
      }
      expect(minimiser.end().counts.written).toBe(4000 * blocks);
      return peak;
    };
    measurePeak(20);
    expect(measurePeak(100) - measurePeak(20)).toBeLessThan(4 * 1024 ** 2);
  });
});

describe('a recipe', () => {
  const recipe = { recipe: 1, tables: [{ path: 'visits.csv', columns: [{ name: 'a', do: 'keep' }] }] };
  it.each([
    ['a Parquet table', { path: 'visits.parquet' }, /Ask the data partner for other tables in one of these formats/],
    ['a path of many stars', { path: '*a*b*c*.csv' }, /3 stars at most/],
    ['no columns', { columns: [] }, /columns/],
    [
      'two columns of one name',
      {
        columns: [
          { name: 'a', do: 'keep' },
          { name: 'a', do: 'hash' },
        ],
      },
      /another name with/,
    ],
    ['a word that it does not have', { columns: [{ name: 'a', do: 'encrypt' }] }, /do/],
    ['a misspelt field', { columns: [{ name: 'a', do: 'keep', to: 'year' }] }, /to/],
    ['a share of everything', { sample: { by: 'a', share: 1 } }, /share/],
    [
      'too much in it',
      { columns: Array.from({ length: 400 }, (_, index) => ({ name: `column-of-a-long-name-${index}`, do: 'keep' })) },
      /16384 characters/,
    ],
  ])('with %s is refused', (_, change, reason) =>
    expect(() => MinimisationRecipe.parse({ recipe: 1, tables: [{ ...recipe.tables[0], ...change }] })).toThrow(reason),
  );

  it('has a SHA-256 that changes with every change, but not with the order of its fields', () => {
    const digest = recipeDigest(MinimisationRecipe.parse(recipe));
    const sameRecipe = { tables: [{ columns: [{ do: 'keep', name: 'a' }], path: 'visits.csv' }], recipe: 1 };
    expect(recipeDigest(MinimisationRecipe.parse(sameRecipe))).toBe(digest);
    const otherRecipe = { ...recipe, tables: [{ path: 'visits.csv', columns: [{ name: 'b', do: 'keep' }] }] };
    expect(recipeDigest(MinimisationRecipe.parse(otherRecipe))).not.toBe(digest);
  });
});

it('random bytes never make a table that has more rows or other cells than the recipe allows', () => {
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.concat([Buffer.from('a,b\n'), randomBytes(200).map(byte => (byte % 4 ? byte : 0x2c))]);
    try {
      const { text, counts } = minimise(bytes, { columns: [{ name: 'a', do: 'date', to: 'year' }] });
      expect(
        text
          .trim()
          .split('\n')
          .slice(1)
          .every(line => /^(\d{4}|"")$/.test(line)),
      ).toBe(true);
      expect(counts.read).toBe(counts.written + counts.malformed);
    } catch (error) {
      expect((error as Error).name).toBe('Refused');
    }
  }
});
