import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

/** Figures by name; whatever depends on the machine stands beside a baseline of the same run. */
type Figures = Readonly<Record<string, number>>;

interface Bench {
  readonly about: string;
  /** How often it measures, where that is a matter of choice. */
  readonly runs?: number;
  /** Loaded when it is asked for: the CDK takes its time. */
  readonly load: () => Promise<(log: (line: string) => void, runs: number) => Promise<Figures>>;
}

const benches: Readonly<Record<string, Bench>> = {
  ingest: {
    about: '1,000 files (100 MB) delivered, over a plain upload; transitions of 10 and 10,000; one file of 2 GB hashed',
    load: async () => (await import('./bench/ingest.ts')).benchIngest,
  },
  provision: {
    about: '1, 8 and 32 projects at once: AWS calls, state transitions and Lambda time of each, which must not grow',
    load: async () => (await import('./bench/provision.ts')).benchProvision,
  },
  launch: {
    about:
      '1, 10 and 100 workspaces at once: what each costs, which must not grow; 100 with throttled and failing calls',
    load: async () => (await import('./bench/launch.ts')).benchLaunch,
  },
  jobs: {
    about:
      '1, 100 and 1,000 batch jobs submitted at once: AWS calls of each, which must not grow, and submissions a second',
    load: async () => (await import('./bench/jobs.ts')).benchJobs,
  },
  airlock: {
    about:
      '100, 1,000 and 10,000 files sealed, checked and released: time over their upload, calls and CPU time per file',
    load: async () => (await import('./bench/airlock.ts')).benchAirlock,
  },
  disclosure: {
    about: 'bytes read per byte of each format; the rules on a table of 200 MB: speed and memory, beside pandas',
    load: async () => (await import('./bench/disclosure.ts')).benchDisclosureChecks,
  },
  hostile: {
    about: 'hostile files of each format: time for a doubled file over time for the file, bytes read per byte',
    load: async () => (await import('./bench/hostile.ts')).benchHostileFiles,
  },
  enclave: {
    about: 'attestation documents judged per second, hostile ones among them; packing beside openssl, and its memory',
    load: async () => (await import('./bench/enclave.ts')).benchEnclave,
  },
  coldstart: {
    about: 'per Lambda: size of its bundle, median time to load it in fresh processes, beside an empty one',
    runs: 20,
    load: async () => (await import('./bench/coldstart.ts')).benchColdStart,
  },
  synth: {
    about: 'seconds to synthesise the production configuration, beside the CDK CLI alone',
    runs: 3,
    load: async () => (await import('./bench/synth.ts')).benchSynth,
  },
};

const help = `npm run bench -- <bench> [options]

Measures, and never judges: it ends with 0 whatever the figures are. No AWS account is needed.

${Object.entries(benches)
  .map(([name, { about: summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join('\n')}

  --json      one JSON document on standard output: {"bench", "figures": {name: number}, "machine"}
  --runs <n>  how often it is measured (coldstart: 20, synth: 3)
  --help      this text

Figures named _ratio compare two times of the same run. Lambda time is CPU time, so that it means the same on a busy
machine; what a clock on the wall says beside it is named machine_, as it measures the machine.
`;

function misused(line: string): never {
  process.stderr.write(`${line}\n\n${help}`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, help: { type: 'boolean' }, runs: { type: 'string' } },
    });
  } catch (error) {
    return misused((error as Error).message);
  }
}

const { values, positionals } = read();
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}
const [name, ...rest] = positionals;
const bench = name === undefined || !Object.hasOwn(benches, name) ? undefined : benches[name];
if (!bench || rest.length > 0)
  misused(name === undefined ? 'Which bench?' : `There is no bench ${positionals.join(' ')}.`);
const runs = values.runs === undefined ? (bench.runs ?? 1) : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || (values.runs !== undefined && !bench.runs))
  misused(bench.runs ? '--runs takes a whole number from 1.' : `${name} is measured once: leave --runs out.`);

// By way of exit, so that what was made for a while goes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
try {
  const run = await bench.load();
  const results = await run(line => process.stderr.write(`… ${line}\n`), runs);
  const figures = Object.fromEntries(
    Object.entries(results).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
  const lines = Object.entries(figures).map(([name, value]) => `${String(value).padStart(12)}  ${name}`);
  process.stdout.write(
    `${values.json ? JSON.stringify({ bench: name, figures, machine }, null, 2) : lines.join('\n')}\n`,
  );
  process.exit(0);
} catch (error) {
  process.stderr.write(`${name} could not be measured: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
