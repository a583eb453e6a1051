import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { bundle } from '../../lib/bundle.ts';
import { readConfig } from '../../lib/config.ts';
import { flags } from '../../lib/flags.ts';
import { broch } from '../../lib/stacks.ts';

const fresh = 20;
/** Loads a module in a process of its own and prints how many milliseconds that took. */
const probe =
  'const t = performance.now(); await import(process.argv[1]); process.stdout.write(String(performance.now() - t)); process.exit(0)';

function median(file: string, env: Record<string, string>): number {
  const times = Array.from({ length: fresh }, () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', probe, file], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      }),
    ),
  ).sort((a, b) => a - b);
  return ((times[fresh / 2 - 1] ?? 0) + (times[fresh / 2] ?? 0)) / 2;
}

/** Every Lambda of the app: size of its bundle and time to load it, against a handler that does nothing. */
export async function coldstart(say: (line: string) => void): Promise<Record<string, number>> {
  const app = new App({ context: flags });
  const { platform } = broch(app, readConfig('config/production.json'));
  const functions = Object.values(Template.fromStack(platform as Stack).findResources('AWS::Lambda::Function'));
  const folder = mkdtempSync(join(tmpdir(), 'broch-bench-'));
  const empty = join(folder, 'index.mjs');
  writeFileSync(empty, 'export const handler = async () => ({});\n');
  say('an empty handler');
  const baseline = median(empty, {});
  const figures: Record<string, number> = { empty_init_ms: baseline };
  for (const { Properties } of functions) {
    const entry = String(Properties.Description).replace(/^functions\//, '');
    say(entry);
    const variables = Object.keys(Properties.Environment.Variables as object);
    // Loading parses the environment: any text will do for most, a number for what is one.
    const env = Object.fromEntries(
      variables.map(name => [
        name,
        typeof Properties.Environment.Variables[name] === 'string' ? Properties.Environment.Variables[name] : 'value',
      ]),
    );
    const { folder: made, bytes } = bundle(entry);
    const name = entry.replace(/\.ts$/, '').replace('/', '_');
    figures[`${name}_kb`] = bytes / 1024;
    figures[`${name}_init_ms`] = median(join(made, 'index.mjs'), { AWS_REGION: 'eu-west-2', ...env });
  }
  const inits = Object.entries(figures).filter(([key]) => key.endsWith('_init_ms') && key !== 'empty_init_ms');
  figures.slowest_to_empty_ratio = Math.max(...inits.map(([, value]) => value)) / baseline;
  return figures;
}
