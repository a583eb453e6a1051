import { cpus, totalmem } from 'node:os';
import { coldstart } from './bench/coldstart.ts';
import { synth } from './bench/synth.ts';

/** A bench returns its figures by name: ratios against a baseline of the same run wherever time is involved. */
export type Bench = (say: (line: string) => void) => Promise<Record<string, number>>;

const benches: Record<string, { about: string; run: Bench }> = {
  coldstart: {
    about: 'per Lambda: bundle KB and median start in ms over 20 fresh processes, beside an empty handler',
    run: coldstart,
  },
  synth: { about: 'seconds to synthesise the app', run: synth },
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const name = args.find(argument => !argument.startsWith('-'));
const bench = name === undefined ? undefined : benches[name];
if (!bench) {
  process.stderr.write(
    `npm run bench -- <name> [--json]\n\n${Object.entries(benches)
      .map(([name, { about }]) => `  ${name.padEnd(12)}${about}`)
      .join('\n')}\n`,
  );
  process.exit(args.includes('--help') ? 0 : 2);
}
const figures = await bench.run(line => process.stderr.write(`… ${line}\n`));
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
const rounded = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Number(value.toPrecision(4))]));
if (json) process.stdout.write(`${JSON.stringify({ bench: name, figures: rounded, machine }, null, 2)}\n`);
else
  for (const [key, value] of Object.entries(rounded)) process.stdout.write(`${String(value).padStart(12)}  ${key}\n`);
process.exit(0);
