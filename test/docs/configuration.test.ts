import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Config } from '../../lib/config.ts';
import { CONFIGURATION_MARKER, formatConfigurationTable, listConfigurationKeys } from '../../lib/configuration-page.ts';
import { renewPage } from '../../lib/generated-page.ts';

const text = readFileSync('docs/configuration.md', 'utf8');
const rows = [...text.matchAll(/^\| `(.+)` \|(.*) \| (.+) \|$/gm)].map(([, key = '', preset = '']) => [
  key,
  preset.trim(),
]);

/** The values of a parsed configuration by the path of their key. */
const flatten = (value: unknown, path: readonly string[] = []): [string, unknown][] =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).flatMap(([name, inner]) => flatten(inner, [...path, name]))
    : [[path.join('.'), value]];

describe('the configuration page', () => {
  it('contains exactly what `npm run configuration` writes', () =>
    expect(renewPage(text, CONFIGURATION_MARKER, formatConfigurationTable(Config))).toBe(text));

  it('shows the defaults that apply when only the required keys are given', () => {
    const production = JSON.parse(readFileSync('config/production.json', 'utf8'));
    const minimum: Record<string, unknown> = { costs: {} };
    for (const [key = '', preset] of rows) {
      if (preset !== '') continue;
      const [outer = '', inner] = key.split('.');
      minimum[outer] =
        inner === undefined ? production[outer] : { ...(minimum[outer] as object), [inner]: production[outer][inner] };
    }
    const applied = new Map(flatten(Config.parse(minimum)));
    const numbers = rows.filter(([, preset = '']) => /^\d+$/.test(preset));
    expect(numbers.length).toBeGreaterThan(25);
    for (const [key = '', preset] of numbers) expect(String(applied.get(key)), key).toBe(preset);
  });
});

describe('a key of the configuration', () => {
  it('must have a description', () =>
    expect(() => listConfigurationKeys(z.object({ costs: z.object({ hour: z.number() }) }))).toThrow('costs.hour'));

  it('must say what applies when it is optional and left out', () =>
    expect(() => listConfigurationKeys(z.object({ account: z.string().optional().describe('The account') }))).toThrow(
      'account must say',
    ));

  it('has one entry on the page when it is an object with a description of its own', () => {
    const sizes = z.object({ small: z.string() }).describe('The sizes');
    expect(listConfigurationKeys(z.object({ sizes }))).toEqual([{ key: 'sizes', omitted: '', decides: 'The sizes' }]);
  });
});
