import * as z from 'zod';

/** One setting on the page. */
export interface ConfigurationKey {
  readonly key: string;
  /** The default value; empty if the key is required. */
  readonly omitted: string;
  readonly decides: string;
}

const formatDefault = (value: unknown): string => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value));

/** Every key of a configuration schema with its default and its description. An object that describes itself is one key. */
export function listConfigurationKeys(schema: z.ZodType, path: readonly string[] = []): ConfigurationKey[] {
  const meta = schema.meta();
  const inner = schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  if (inner instanceof z.ZodObject && meta?.description === undefined)
    return Object.entries(inner.shape).flatMap(([name, member]) =>
      listConfigurationKeys(member as z.ZodType, [...path, name]),
    );
  const key = path.join('.');
  if (meta?.description === undefined) throw new Error(`the configuration's key ${key} has no description`);
  const mandatory = !schema.safeParse(undefined).success;
  const absence = meta.omitted ?? (schema instanceof z.ZodDefault ? formatDefault(schema.def.defaultValue) : '');
  if (mandatory !== (absence === '')) throw new Error(`${key} must say what holds without it, or be required`);
  return [{ key, omitted: String(absence), decides: meta.description }];
}

/** The table of all keys, in Markdown. */
export const formatConfigurationTable = (schema: z.ZodType): string =>
  [
    '| Key | Default | What it decides |',
    '| --- | --- | --- |',
    ...listConfigurationKeys(schema).map(({ key, omitted: absence, decides }) =>
      `| \`${key}\` | ${absence} | ${decides} |`.replace('|  |', '| |'),
    ),
    '',
  ].join('\n');

/** Text before this line in docs/configuration.md is written by hand, text after it by `npm run configuration`. */
export const CONFIGURATION_MARKER =
  '<!-- From here on written by `npm run configuration`, from the descriptions of the keys. -->';
