import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { bundle } from '../../lib/bundle.ts';
import { readConfig } from '../../lib/config.ts';
import { cdkFeatureFlags } from '../../lib/flags.ts';
import { createBrochStacks } from '../../lib/stacks.ts';
import { createTempDir } from '../../lib/temp-dir.ts';
import { median } from './median.ts';
import type { BenchLog } from './scene.ts';

interface Subject {
  readonly name: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly kb: number;
}

/** Loads a module in a process of its own and prints how many milliseconds that took. */
const probe =
  'const t = performance.now(); await import(process.argv[1]); process.stdout.write(String(performance.now() - t)); process.exit(0)';

/** Loading parses the environment, so a variable must look like itself; only what AWS fills in is made up. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const join = (value as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join'];
  return join ? join[1].map(textOf).join(join[0]) : 'value';
}

/** Every function of the deployed app, bundled, with the environment that its template gives it. */
function subjects(): Subject[] {
  const { api, capabilities } = createBrochStacks(
    new App({ context: cdkFeatureFlags, outdir: createTempDir('bench') }),
    readConfig('config/production.json'),
  );
  const functions = [api, ...Object.values(capabilities)].flatMap(stack =>
    Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function')),
  );
  return functions.map(({ Properties }) => {
    const entry = String(Properties.Description).replace(/^functions\//, '');
    const { folder, bytes } = bundle(entry);
    return {
      name: entry.replace(/\.ts$/, '').replaceAll('/', '_'),
      file: join(folder, 'index.mjs'),
      env: Object.fromEntries(
        Object.entries(Properties.Environment.Variables).map(([name, value]) => [name, textOf(value)]),
      ),
      kb: bytes / 1024,
    };
  });
}

/**
 * Every Lambda of the app: size of its bundle and time to load it, against a handler that does nothing. All are loaded in
 * turn, round after round, so that whatever else the machine does meanwhile falls on all alike.
 */
export async function benchColdStart(log: BenchLog, runs: number): Promise<Record<string, number>> {
  const file = join(createTempDir('bench'), 'index.mjs');
  writeFileSync(file, 'export const handler = async () => ({});\n');
  const empty: Subject = { name: 'empty', file, env: {}, kb: 0 };
  log('bundling');
  const functions = subjects();
  const times = new Map<Subject, number[]>([empty, ...functions].map(subject => [subject, []]));
  for (let round = 1; round <= runs; round++) {
    log(`${times.size} fresh processes, round ${round} of ${runs}`);
    for (const [{ file, env }, durations] of times)
      durations.push(
        Number(
          execFileSync(process.execPath, ['--input-type=module', '-e', probe, file], {
            env: { ...process.env, AWS_REGION: 'eu-west-2', ...env },
            encoding: 'utf8',
          }),
        ),
      );
  }
  const baseline = median(times.get(empty) ?? []);
  const inits = functions.map(subject => ({ ...subject, ms: median(times.get(subject) ?? []) }));
  return {
    empty_init_ms: baseline,
    ...Object.fromEntries(
      inits.flatMap(({ name, kb, ms }) => [
        [`${name}_kb`, kb],
        [`${name}_init_ms`, ms],
      ]),
    ),
    median_to_empty_ratio: median(inits.map(({ ms }) => ms)) / baseline,
    slowest_to_empty_ratio: Math.max(...inits.map(({ ms }) => ms)) / baseline,
  };
}
