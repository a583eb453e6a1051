import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { fieldsOf, parseArguments, validateArguments } from '../../bin/cli/arguments.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import { findNearestWord } from '../../bin/cli/nearest.ts';
import { cliCommands, GlobalFlags } from '../../bin/cli/verbs.ts';
import { routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { exampleBodies } from '../http/ask.ts';
import { runBroch } from './harness.ts';

const Flags = z.object({
  title: z.string().min(1).describe('what people read'),
  size: z.enum(['small', 'large']).default('small'),
  roles: z.array(z.enum(['lead', 'researcher'])).optional(),
  readyMinutes: z.number().int().max(60).optional(),
  share: z.number().optional(),
  force: z.boolean().optional(),
  rules: z.array(z.object({ port: z.number() })).optional(),
});
const Params = z.object({ project: z.string(), names: z.array(z.string()).optional() });
const parse = (...argv: string[]) => parseArguments(fieldsOf(Params), fieldsOf(Flags), argv);
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ExitError);
    expect((error as ExitError).ending).toBe('usage');
    return (error as ExitError).message;
  }
  throw new Error('it was taken');
};

describe('fields', () => {
  it('come from the schema, with type, choices, default and whether they are required', () => {
    expect(fieldsOf(Flags)).toMatchObject([
      { name: 'title', flag: 'title', type: 'text', isRequired: true, description: 'what people read' },
      { name: 'size', choices: ['small', 'large'], preset: 'small', isRequired: false },
      { name: 'roles', isList: true, choices: ['lead', 'researcher'] },
      { name: 'readyMinutes', flag: 'ready-minutes', type: 'integer' },
      { name: 'share', type: 'number' },
      { name: 'force', type: 'switch' },
      { name: 'rules', type: 'json', isList: false },
    ]);
  });
});

describe('words', () => {
  it('become values of the right kind', () => {
    const words = [
      'asthma',
      '--title',
      'A b',
      '--roles',
      'lead',
      '--roles=researcher',
      '--ready-minutes',
      '5',
      '--share=-0.5',
    ];
    expect(parse(...words, '--force', '--rules', '[{"port":22}]', 'x', 'y')).toEqual({
      params: { project: 'asthma', names: ['x', 'y'] },
      flags: {
        title: 'A b',
        roles: ['lead', 'researcher'],
        readyMinutes: 5,
        share: -0.5,
        force: true,
        rules: [{ port: 22 }],
      },
    });
  });
  it.each<[string[], RegExp]>([
    [['a', '--titel', 'x'], /no flag --titel here. Did you mean --title/],
    [['a', '--title'], /--title needs a value/],
    [['a', '--title', '--force'], /--title needs a value.*--title=--force/],
    [['a', '--title', 'x', '--title', 'y'], /--title is given twice/],
    [['a', '--size', 'smal'], /small or large.*Did you mean small/],
    [['a', '--ready-minutes', '5x'], /whole number/],
    [['a', '--ready-minutes', '5.5'], /whole number/],
    [['a', '--share', 'NaN'], /number/],
    [['a', '--force=yes'], /takes no value/],
    [['a', '--rules', '{'], /is not valid JSON/],
    [['a', '--rules', '@/nonexistent'], /cannot be read/],
    [['a', '-x'], /no flag -x/],
    [[], /<project> is missing/],
  ])('%j: %s', (argv, message) => expect(messageOf(() => parse(...argv))).toMatch(message));
  it('are never flags after --', () => {
    expect(parse('--', '--title').params).toEqual({ project: '--title' });
  });
  it('refuses one argument too many', () => {
    expect(messageOf(() => parseArguments([], [], ['stray']))).toMatch(/"stray" was not expected here/);
  });
  it('give values or a usage error, whatever they are, and text arrives as it was typed', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), argv => {
        try {
          parse(...argv);
        } catch (error) {
          expect((error as ExitError).ending).toBe('usage');
        }
      }),
    );
    fc.assert(
      fc.property(fc.string(), text => {
        expect(parse('a', `--title=${text}`).flags.title).toBe(text);
      }),
    );
  });
});

describe('checking', () => {
  it('names the missing flag and describes it', () => {
    expect(messageOf(() => validateArguments(Flags, {}, '--'))).toBe('--title is needed: what people read.');
    expect(messageOf(() => validateArguments(Flags, { title: 'x', readyMinutes: 99 }, '--'))).toMatch(
      /^--ready-minutes: /,
    );
    expect(messageOf(() => validateArguments(Params, {}, ''))).toBe('project is needed.');
  });
});

describe('nearest', () => {
  it('finds the most similar word, and nothing when no word is similar', () => {
    expect(findNearestWord('creat', ['create', 'list'])).toBe('create');
    expect(findNearestWord('lsit', ['create', 'list'])).toBe('list');
    expect(findNearestWord('zebra', ['create', 'list'])).toBeUndefined();
  });
});

describe('the API', () => {
  const entries = Object.entries(routes) as [string, Route][];
  it.each(entries)('%s has a verb of its own, which no other starts', (_, { cli }) => {
    const words = cli.split(' ');
    expect(cliCommands.filter(command => command.words.join(' ') === cli)).toHaveLength(1);
    expect(
      cliCommands.filter(
        ({ words: [first], words: { length } }) => length === 1 && words.length > 1 && first === words[0],
      ),
    ).toEqual([]);
  });
  it.each(entries)('the example of %s is a command line that is understood', (name, { cli, example }) => {
    // As a shell would split it: blanks, and single quotes around them.
    const argv = [...example.matchAll(/'([^']*)'|(\S+)/g)].map(([, inQuotes, plain]) => inQuotes ?? plain ?? '');
    const words = cli.split(' ');
    // A file of the example holds what the body of the route takes in that field.
    const body = (exampleBodies[name] ?? {}) as Readonly<Record<string, unknown>>;
    for (const [index, word] of argv.entries())
      if (word.startsWith('@')) argv[index] = JSON.stringify(body[argv[index - 1]?.slice(2) ?? '']);
    expect(argv.slice(0, words.length)).toEqual(words);
    const command = cliCommands.find(command => command.words.join(' ') === cli);
    const values = parseArguments(fieldsOf(command?.params), fieldsOf(command?.flags), argv.slice(words.length));
    if (command?.params) validateArguments(command.params, values.params, '');
    if (command?.flags) validateArguments(command.flags, values.flags, '--');
  });
  it.each(entries)(
    'no field of %s hides a flag of every command, and none is both in query and body',
    (_, { query, body }) => {
      const names = [...fieldsOf(query), ...fieldsOf(body)].map(({ flag }) => flag);
      expect(new Set(names).size).toBe(names.length);
      for (const { flag } of [...fieldsOf(GlobalFlags), { flag: 'all' }]) expect(names).not.toContain(flag);
    },
  );
  it.each(entries)('every path parameter of %s is a positional', (_, { path, params }) => {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(fieldsOf(params).map(({ name }) => name)).toEqual(names);
  });
});

describe('broch', () => {
  const cases: [string, number, RegExp][] = [
    ['projects list', 2, /Did you mean `broch project list`/],
    ['create project', 2, /Did you mean `broch project create`/],
    ['frobnicate', 2, /no command `broch frobnicate`/],
    ['project', 2, /broch project create --id/],
    ['--json', 2, /after a command/],
    ['project create --id A --title x', 2, /--id: /],
    ['project show', 2, /<project> is missing/],
    ['watch workspace asthma', 2, /Name one workspace/],
    ['project list', 4, /npm start/],
    ['project list --profile main', 2, /no profile main/],
    ['project list --profile local', 4, /not running/],
    ['deliver /nonexistent --dataset abc', 2, /does not exist/],
  ];
  it.each(cases)('%s ends with %i', async (line, code, message) => {
    const ran = await runBroch(line.split(' '));
    expect(ran).toMatchObject({ code, output: '' });
    expect(ran.err).toMatch(message);
  });
  it.each(cases.filter(([line]) => line !== '--json' && line !== 'project'))(
    '%s --json ends with a problem document',
    async (line, code) => {
      const ran = await runBroch([...line.split(' '), '--json']);
      expect(ran).toMatchObject({ code, output: '' });
      expect(JSON.parse(ran.err)).toMatchObject({
        type: expect.stringMatching(/^urn:broch:cli:/),
        detail: expect.any(String),
      });
    },
  );
});
