import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildHeadRequest,
  buildParameters,
  buildPipelineConfig,
  NEXTFLOW_VERSION,
  pipelineFiles,
} from '../../functions/batch/pipeline.ts';
import { type ComputeJob, PipelineRequest } from '../../functions/batch/schemas.ts';
import { repositoryRoot } from '../cloud.ts';
import type { Check } from './desktop.ts';
import { rehearsalFolder } from './machine.ts';

const folder = join(rehearsalFolder, 'nextflow');
const jars = join(folder, 'jars');
const home = join(folder, 'home');
const image = `quay/tools@sha256:${'a'.repeat(64)}`;

/** Parameters that would be code if anybody read them as such. */
const hostileParameters = {
  dollar: '${HOME} $(touch MARK) \\u0024{HOME}',
  quotes: `"""; 'x'.execute() //`,
  shell: '; touch MARK `touch MARK`',
  number: 7,
};
const pipeline = PipelineRequest.parse({
  pipeline: 'counts',
  revision: '1.0',
  profiles: [],
  input: 'data/days.csv',
  params: hostileParameters,
  image,
  taskImage: image,
  containers: { REPORT: image },
});
const job = {
  id: 'job-0011223344556677',
  project: 'asthma',
  owner: { id: 'u-rana', name: 'rana' },
  request: buildHeadRequest(pipeline),
} as ComputeJob;
const place = {
  environment: 'prod',
  region: 'eu-west-2',
  bucket: 'broch-prod-asthma',
  queueArn: 'arn:aws:batch:eu-west-2:111122223333:job-queue/broch-prod-asthma-cpu',
  logGroup: 'group',
};

/** Fetches Nextflow and what it needs from Maven Central, once. */
function fetchNextflow(): string | undefined {
  if (spawnSync('java', ['-version']).status !== 0)
    return 'java is not installed. Install it (Debian: apt-get install openjdk-17-jre-headless) and run this again.';
  if (existsSync(join(jars, `nextflow-${NEXTFLOW_VERSION}.jar`))) return undefined;
  if (spawnSync('mvn', ['--version']).status !== 0)
    return 'mvn is not installed. Install it (Debian: apt-get install maven) and run this again.';
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>broch</groupId><artifactId>rehearsal</artifactId><version>1</version><dependencies><dependency>
<groupId>io.nextflow</groupId><artifactId>nextflow</artifactId><version>${NEXTFLOW_VERSION}</version>
</dependency></dependencies></project>`,
  );
  const words = ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${jars}`];
  return spawnSync('mvn', words, { cwd: folder }).status === 0
    ? undefined
    : 'Maven Central does not answer, so Nextflow cannot be fetched. Run this where it does.';
}

/** What Nextflow's own launcher opens to it. Without these it keeps nothing of a run. */
const openPackages = [
  ...['java.io', 'java.lang', 'java.net', 'java.nio', 'java.util', 'java.util.regex', 'java.util.concurrent.locks'],
  ...['java.util.concurrent.atomic', 'sun.nio.ch', 'sun.nio.fs', 'jdk.internal.misc', 'jdk.internal.vm'],
].map(name => `--add-opens=java.base/${name}=ALL-UNNAMED`);

function runNextflow(cwd: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(
    'java',
    [...openPackages, '-cp', `${jars}/*`, 'nextflow.cli.Launcher', ...words],
    { cwd, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: home, NXF_HOME: home, ...job.request.variables } },
  );
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

/** The folder in which job.sh starts Nextflow, with a pipeline and what Broch writes for it. */
function makeRunFolder(name: string, script: string | undefined, config: string, parameters: string): string {
  const run = join(folder, name);
  rmSync(run, { recursive: true, force: true });
  const mirror = join(run, 'inputs/pipelines/counts/1.0');
  for (const path of [mirror, join(run, 'run'), join(run, 'log'), join(run, 'checkpoint')])
    mkdirSync(path, { recursive: true });
  if (script === undefined) cpSync(join(repositoryRoot, 'examples/pipeline/main.nf'), join(mirror, 'main.nf'));
  else writeFileSync(join(mirror, 'main.nf'), script);
  writeFileSync(join(run, 'run', pipelineFiles.config), config);
  writeFileSync(join(run, 'run', pipelineFiles.parameters), parameters);
  return run;
}

/** The generated configuration, but with tasks as processes of this machine and without the plugin of AWS. */
const localConfig = (run: string) =>
  buildPipelineConfig(job, pipeline, place)
    .replace(/^plugins .*\n/m, '')
    .replace("executor = 'awsbatch'", "executor = 'local'")
    .replaceAll(/^ *(?:container|scratch) = .*\n/gm, '')
    .replace(/ {2}withName: 'REPORT'.*\n/, '')
    .replace(/^workDir = .*$/m, `workDir = '${run}/work'`);

/** Lets the real Nextflow read what Broch generates, and run a small pipeline with the same command on this machine. */
export function listNextflowChecks(): Check[] | string {
  const obstacle = fetchNextflow();
  if (obstacle !== undefined) return obstacle;
  const config = buildPipelineConfig(job, pipeline, place);
  const command = job.request.command.slice(1);
  return [
    [
      'Nextflow reads the generated configuration',
      async () => {
        const run = makeRunFolder('config', undefined, config, '{}');
        const text = runNextflow(run, ['-C', `run/${pipelineFiles.config}`, 'config', 'inputs/pipelines/counts/1.0']);
        for (const line of [`queue = '${place.queueArn}'`, "executor = 'awsbatch'", 'withName:REPORT', 'queueSize = 4'])
          if (!text.includes(line)) throw new Error(`${line} is not in ${text}`);
        return `${text.split('\n').length} lines, version ${NEXTFLOW_VERSION}`;
      },
    ],
    [
      'parameters stay data',
      async () => {
        const script = `workflow { file("\${workflow.launchDir}/seen.json").text = groovy.json.JsonOutput.toJson(params) }\n`;
        const run = makeRunFolder(
          'parameters',
          script,
          localConfig(''),
          buildParameters(job, pipeline, { bucket: 'b', alias: undefined }),
        );
        runNextflow(run, command);
        const parameters = JSON.parse(readFileSync(join(run, 'seen.json'), 'utf8'));
        for (const [name, value] of Object.entries(hostileParameters))
          if (parameters[name] !== value) throw new Error(`${name} became ${JSON.stringify(parameters[name])}`);
        return `${Object.keys(hostileParameters).length} hostile values arrived as they are`;
      },
    ],
    [
      'a pipeline runs, and continues where it ended',
      async () => {
        const data = join(folder, 'days.csv');
        writeFileSync(data, 'day,rain\n1,0\n2,5\n');
        const run = join(folder, 'run');
        const parameters = JSON.stringify({ input: data, outdir: join(run, 'outputs') });
        makeRunFolder('run', undefined, localConfig(run), parameters);
        runNextflow(run, command);
        const report = readFileSync(join(run, 'outputs/report.txt'), 'utf8');
        if (report !== 'days: 2\n') throw new Error(`it left ${JSON.stringify(report)}`);
        const missing = Object.entries({ trace: 'txt', report: 'html', timeline: 'html', dag: 'html' }).flatMap(
          ([name, type]) => {
            const file = join(run, `outputs/pipeline_info/${name}.${type}`);
            return existsSync(file) && /(?:<\/html>|COMPLETED).*\s*$/.test(readFileSync(file, 'utf8').slice(-200))
              ? []
              : [name];
          },
        );
        if (missing.length > 0) throw new Error(`it did not finish ${missing.join(', ')}`);
        runNextflow(run, command);
        const trace = readFileSync(join(run, 'outputs/pipeline_info/trace.txt'), 'utf8');
        if (trace.split('CACHED').length !== 3) throw new Error(`the second run repeated tasks: ${trace}`);
        return 'two tasks, the trace, report, timeline and graph; the second run repeated nothing';
      },
    ],
  ];
}
