import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readLogTail, repositoryRoot } from '../local/cloud.ts';
import { type DemoSetup, setUpDemo } from '../local/demo-setup.ts';
import { type DeployedCloud, deployCloud } from '../local/deployed-cloud.ts';
import { takeLock } from '../local/lock.ts';
import { createProgressReporter, formatTable, type ProgressReporter } from '../local/progress.ts';
import { storyChapters } from '../local/story/chapters.ts';
import { playChapters, type StoryStep } from '../local/story.ts';
import { trustCertificate } from '../local/trust.ts';

const help = `npm start [-- <options>]

Runs a whole research environment on this machine: starts the embedded cloud, deploys Broch into it with the CDK CLI,
plays a demonstration with four people, then runs until Ctrl-C. No AWS account is needed and nothing leaves this machine.

  --once    stop after the demonstration; exit 1 if a step failed
  --json    print one JSON document on standard output, progress on standard error
  --help    show this text

While it is running, in another terminal: npm link (once), then broch --help`;

const args = process.argv.slice(2);
const unknown = args.find(argument => !['--once', '--json', '--help'].includes(argument));
if (unknown || args.includes('--help')) {
  process.stdout.write(`${unknown ? `npm start has no option ${unknown}.\n\n` : ''}${help}\n`);
  process.exit(unknown ? 2 : 0);
}
const [isOnce, json] = [args.includes('--once'), args.includes('--json')];
// Tests use another folder, so that they do not collide with a running Broch.
const local = process.env.BROCH_LOCAL ?? join(repositoryRoot, '.local');
const facts = join(local, 'cloud.json');
type Open = Pick<DeployedCloud, 'cloud' | 'close'>;
const reporter = createProgressReporter(json ? process.stderr : process.stdout);

function whereToLook(stage: DemoSetup): string {
  const command = (rest: string) => `broch ${rest}`;
  return [
    'Where to look',
    formatTable([
      [
        'the team inbox, with the cost card',
        `${stage.inbox.url}  (your browser will warn about the certificate, which was made for this run)`,
      ],
      ['the OpenAPI document', `${stage.facts.api}/openapi.json`],
      ['the AWS endpoint', stage.facts.endpoint],
      ['the log', stage.facts.log],
    ]),
    '',
    'Try, in another terminal',
    formatTable([
      ['npm link', 'make broch a command of this machine, once'],
      [command('--help'), 'list all commands'],
      [
        command('login --as olga'),
        'sign in as the operator (also: petra the partner, rana the researcher, stella the steward)',
      ],
      [command("project create --id sleep --title 'Sleep and shift work'"), 'request a project with its own network'],
      [command('deliver <folder> --dataset surveys --as petra'), 'deliver files as a data partner'],
      [command('cost list --json'), 'print any answer as JSON'],
    ]),
  ].join('\n');
}

async function main(
  show: ProgressReporter,
  onOpen: (estate: Open) => void,
): Promise<{ stage: DemoSetup; steps: StoryStep[] }> {
  const estate = await show.task('starting the embedded cloud and deploying Broch', update =>
    deployCloud({
      folder: join(local, 'cloud'),
      account: '000000000000',
      waits: 0.1,
      onProgress: update,
      onOpen,
    }),
  );
  trustCertificate(estate.facts.ca);
  if (estate.omissions.length > 0)
    show.line(`  not supported by the embedded cloud, so not deployed: ${estate.omissions.join(', ')}`);
  const stage = await show.task('creating people, images and an inbox', () => setUpDemo(estate, facts));
  return { stage, steps: await playChapters(stage, storyChapters, show) };
}

const lock = takeLock(join(local, 'lock'));
if ('holder' in lock) {
  process.stderr.write(
    `broch: Broch is already running here (process ${lock.holder}). Use that one, or stop it with Ctrl-C in its terminal.\n`,
  );
  process.exit(1);
}
const { release } = lock;

let estate: Open | undefined;
let stage: DemoSetup | undefined;
let leaving = false;

/** Shuts everything down, then exits. Every exit goes through here; further signals are ignored. */
async function leave(code: number, word?: string): Promise<never> {
  if (leaving) return new Promise(() => {});
  leaving = true;
  if (word) process.stderr.write(`\nbroch: ${word}\n`);
  await stage?.close().catch(() => {});
  await estate?.close().catch(() => {});
  rmSync(facts, { force: true });
  release();
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void leave(130, 'stopped.'));

try {
  const demo = await main(reporter, deployment => {
    estate = deployment;
    void deployment.cloud.crashed.then(line => leaving || leave(1, `${line}\n${readLogTail(deployment.cloud.log)}`));
  });
  stage = demo.stage;
  const ok = demo.steps.every(step => step.ok);
  if (json) process.stdout.write(`${JSON.stringify({ ok, cloud: demo.stage.cloud, steps: demo.steps }, null, 2)}\n`);
  const failed = demo.steps.filter(step => !step.ok).length;
  reporter.line(`\n${demo.steps.length - failed} steps passed, ${failed} failed.`);
  if (isOnce) await leave(ok ? 0 : 1);
  reporter.line(`\n${whereToLook(demo.stage)}\n\nBroch runs until Ctrl-C.`);
} catch (error) {
  const words = error instanceof Error ? error.message : String(error);
  if (json && !leaving)
    process.stdout.write(`${JSON.stringify({ ok: false, cloud: null, steps: [], error: words }, null, 2)}\n`);
  await leave(1, words);
}
