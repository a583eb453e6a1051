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

Runs a whole research environment on this machine: starts the embedded cloud, deploys Broch into it with the CDK CLI, lets
four people do their jobs, then stays up until Ctrl-C. No AWS account is needed and nothing leaves this machine.

  --once    stop after the story; exit 1 if a step failed
  --json    one JSON document on standard output, progress on standard error
  --help    this text

While it is up: npx broch --help`;

const args = process.argv.slice(2);
const unknown = args.find(argument => !['--once', '--json', '--help'].includes(argument));
if (unknown || args.includes('--help')) {
  process.stdout.write(`${unknown ? `npm start does not know ${unknown}.\n\n` : ''}${help}\n`);
  process.exit(unknown ? 2 : 0);
}
const [once, json] = [args.includes('--once'), args.includes('--json')];
// Another place for tests, so that they don't meet a Broch that is up.
const local = process.env.BROCH_LOCAL ?? join(repositoryRoot, '.local');
const facts = join(local, 'cloud.json');
type Open = Pick<DeployedCloud, 'cloud' | 'close'>;
const shown = createProgressReporter(json ? process.stderr : process.stdout);

function whereToLook(stage: DemoSetup): string {
  const command = (rest: string) => `npx broch ${rest}`;
  return [
    'Where to look',
    formatTable([
      [
        'the team inbox, with the cost card',
        `${stage.inbox.url}  (your browser will ask about the certificate, made for this run)`,
      ],
      ['the API, and what it can do', `${stage.facts.api}/openapi.json`],
      ['every AWS API', stage.facts.endpoint],
      ['the log of it all', stage.facts.log],
    ]),
    '',
    'Try',
    formatTable([
      [command('--help'), 'what there is'],
      [
        command('login --as olga'),
        'sign in as the operator (also: petra the partner, rana the researcher, stella the steward)',
      ],
      [command("project create --id sleep --title 'Sleep and shift work'"), 'a project with a network of its own'],
      [command('deliver <folder> --dataset surveys --as petra'), 'deliver files as a data partner'],
      [command('cost list --json'), 'any answer as JSON'],
    ]),
  ].join('\n');
}

async function main(
  show: ProgressReporter,
  opened: (estate: Open) => void,
): Promise<{ stage: DemoSetup; steps: StoryStep[] }> {
  const estate = await show.task('starting the embedded cloud and deploying Broch', update =>
    deployCloud({ folder: join(local, 'cloud'), account: '000000000000', waits: 0.1, say: update, opened }),
  );
  trustCertificate(estate.facts.ca);
  if (estate.left.length > 0)
    show.line(`  left out, as the embedded cloud has no such thing: ${estate.left.join(', ')}`);
  const stage = await show.task('making people, images and an inbox', () => setUpDemo(estate, facts));
  return { stage, steps: await playChapters(stage, storyChapters, show) };
}

const lock = takeLock(join(local, 'lock'));
if ('holder' in lock) {
  process.stderr.write(
    `broch: it is already running here (process ${lock.holder}). Use that one, or stop it with Ctrl-C there.\n`,
  );
  process.exit(1);
}
const { release } = lock;

let estate: Open | undefined;
let stage: DemoSetup | undefined;
let leaving = false;

/** The only way out: takes everything down, then exits. A second signal meanwhile changes nothing. */
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
  const told = await main(shown, opened => {
    estate = opened;
    void opened.cloud.crashed.then(line => leaving || leave(1, `${line}\n${readLogTail(opened.cloud.log)}`));
  });
  stage = told.stage;
  const ok = told.steps.every(step => step.ok);
  if (json) process.stdout.write(`${JSON.stringify({ ok, cloud: told.stage.cloud, steps: told.steps }, null, 2)}\n`);
  const failed = told.steps.filter(step => !step.ok).length;
  shown.line(`\n${told.steps.length - failed} steps went well, ${failed} failed.`);
  if (once) await leave(ok ? 0 : 1);
  shown.line(`\n${whereToLook(told.stage)}\n\nIt stays up until Ctrl-C.`);
} catch (error) {
  const words = error instanceof Error ? error.message : String(error);
  if (json && !leaving)
    process.stdout.write(`${JSON.stringify({ ok: false, cloud: null, steps: [], error: words }, null, 2)}\n`);
  await leave(1, words);
}
