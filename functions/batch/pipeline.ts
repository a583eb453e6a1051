import { Refused } from '../refused.ts';
import { definitionName, outputsFolder, shareOf } from './definition.ts';
import { type ComputeJob, type JobDataset, JobRequest, type PipelineReports, type PipelineRequest } from './schemas.ts';

/** What the approved image of Nextflow holds. Another version would read the configuration in its own way. */
export const NEXTFLOW_VERSION = '24.10.0';
const AMAZON_PLUGIN = 'nf-amazon@2.9.0';
/** Where Nextflow writes about the run, below the outputs. It differs between two runs of the same. */
export const PIPELINE_REPORTS = 'pipeline_info/';
const reportFiles: Readonly<Record<keyof PipelineReports, string>> = {
  trace: 'trace.txt',
  report: 'report.html',
  timeline: 'timeline.html',
  dag: 'dag.html',
};
/** Where a run leaves them. Whether it did is not said: the program decides that, and it could carry data out. */
export const locateReports = (id: string): PipelineReports => {
  const folder = `${outputsFolder(id)}${PIPELINE_REPORTS}`;
  return {
    trace: folder + reportFiles.trace,
    report: folder + reportFiles.report,
    timeline: folder + reportFiles.timeline,
    dag: folder + reportFiles.dag,
  };
};

/** The files that Broch writes for Nextflow, where nobody in the project can change them. */
export const pipelineFiles = { config: 'nextflow.config', parameters: 'params.json' } as const;
/** The mirror of pipelines: folders of the project, put there by an import or from a desktop. */
const pipelineFolder = ({ pipeline, revision }: PipelineRequest): string => `data/pipelines/${pipeline}/${revision}/`;

/**
 * The job in which Nextflow itself runs. Its command is made of fixed words, paths and the names of profiles: parameters
 * reach Nextflow by a file only. Paths are relative to the folder in which job.sh starts it.
 */
export function buildHeadRequest(request: PipelineRequest): JobRequest {
  const { profiles, image, minutes } = request;
  const command = [
    'nextflow',
    '-log',
    'log/nextflow.log',
    'run',
    `inputs/${pipelineFolder(request).replace(/^data\//, '')}main.nf`,
    '-c',
    `run/${pipelineFiles.config}`,
    '-params-file',
    `run/${pipelineFiles.parameters}`,
    '-resume',
    '-ansi-log',
    'false',
    ...(profiles.length > 0 ? ['-profile', profiles.join(',')] : []),
  ];
  const variables = {
    // Otherwise Java writes ASCII, and Nextflow fails to write its report.
    LC_ALL: 'C.UTF-8',
    NXF_VER: NEXTFLOW_VERSION,
    NXF_OFFLINE: 'true',
    NXF_DISABLE_CHECK_LATEST: 'true',
    // What a resumed run needs to know of the earlier one is kept with the checkpoint.
    NXF_CACHE_DIR: 'checkpoint/nextflow',
  };
  // On-Demand: AWS takes no machine back, so one attempt is enough.
  const size = { vcpus: 1, memory: 4096, minutes, attempts: 1 };
  return JobRequest.parse({ kind: 'cpu', image, command, ...size, inputs: [pipelineFolder(request)], variables });
}

/** What the generated configuration depends on, besides the request. */
export interface PipelinePlace {
  readonly environment: string;
  readonly region: string;
  readonly bucket: string;
  readonly queueArn: string;
  readonly logGroup: string;
}

/** Where the files are that parameters name: the project's bucket, and the alias of its access point for datasets. */
export interface ParameterPlace {
  readonly bucket: string;
  readonly alias: string | undefined;
}

/** A text as Groovy reads it: in single quotes nothing is replaced. */
const quoteGroovy = (text: string): string =>
  `'${text.replace(/[\\'\n\r]/g, character => escapesOf[character] ?? '')}'`;
const escapesOf: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '\n': '\\n', '\r': '\\r' };

/** The definition that tasks with this image run by. Nextflow names it instead of an image, so it cannot register one. */
const taskContainer = (place: PipelinePlace, project: string, image: string): string =>
  `job-definition://${definitionName(place, project, { kind: 'cpu', image }, 'task')}`;

/**
 * The configuration of a run. `withName` outweighs what processes say of themselves. What a pipeline sets in spite of it is
 * refused by the rights of its head: it can use one queue, and the definitions of its project.
 */
export function buildPipelineConfig(job: ComputeJob, pipeline: PipelineRequest, place: PipelinePlace): string {
  const { id, project, owner } = job;
  const { taskVcpus, taskMemory, taskMinutes, places, containers, image, taskImage = image } = pipeline;
  const text = quoteGroovy;
  const reports = Object.entries(reportFiles).map(
    ([name, file]) =>
      `${name} { enabled = true; overwrite = true; file = ${text(`outputs/${PIPELINE_REPORTS}${file}`)} }\n`,
  );
  const selectors = Object.entries(containers).map(
    ([name, image]) => `  withName: ${text(name)} { container = ${text(taskContainer(place, project, image))} }`,
  );
  return `// Written by Broch for ${id}.
plugins { id ${text(AMAZON_PLUGIN)} }
process {
  withName: '.*' {
    executor = 'awsbatch'
    queue = ${text(place.queueArn)}
    container = ${text(taskContainer(place, project, taskImage))}
    scratch = '/work'
    resourceLabels = ['broch:environment': ${text(place.environment)}, 'broch:project': ${text(project)}, 'broch:run': ${text(id)}]
    maxRetries = 1
    errorStrategy = { task.exitStatus in [137, 143] ? 'retry' : 'finish' }
  }
${selectors.map(selector => `${selector}\n`).join('')}  resourceLimits = [cpus: ${taskVcpus}, memory: ${text(`${taskMemory} MB`)}, time: ${text(`${taskMinutes} min`)}]
  time = ${text(`${taskMinutes} min`)}
}
executor { queueSize = ${places} }
workDir = ${text(`s3://${place.bucket}/batch/${id}/work`)}
aws {
  region = ${text(place.region)}
  batch { shareIdentifier = ${text(shareOf(owner.id))}; schedulingPriority = 0; maxSpotAttempts = 2 }
}
${reports.join('')}`;
}

/** The path of a dataset's file on desktops: `/data/<dataset>/<first 12 characters of the version>/<file>`. */
const datasetPath = /^\/data\/([a-z][a-z0-9-]{2,39})\/([0-9a-f]{12})(?:\/(.*))?$/s;

/** Replaces the path of a dataset's file by its S3 address. Leaves every other value as it is. */
function resolvePath(value: string, datasets: readonly JobDataset[], alias: string | undefined): string {
  const [, name, version, path = ''] = datasetPath.exec(value) ?? [];
  if (name === undefined || version === undefined) return value;
  const dataset = datasets.find(candidate => candidate.dataset === name && candidate.version.startsWith(version));
  if (!dataset || alias === undefined)
    throw new Refused(
      'conflict',
      `${value} is in no dataset of the run. Name the dataset with --datasets ${name}, and the version by its first 12 characters, as desktops show it below /data.`,
    );
  return `s3://${alias}/${dataset.prefix}${path}`;
}

/**
 * The parameters of a run as JSON. Nextflow would replace ${NAME} in this text by a variable of its environment, so each
 * dollar is written as its number.
 */
export function buildParameters(
  { id, datasets }: Pick<ComputeJob, 'id' | 'datasets'>,
  { input, params }: PipelineRequest,
  { bucket, alias }: ParameterPlace,
): string {
  const resolve = (value: string) => resolvePath(value, datasets, alias);
  const values = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === 'string' ? resolve(value) : value,
  ]);
  const places = {
    ...(input !== undefined && { input: input.startsWith('/') ? resolve(input) : `s3://${bucket}/${input}` }),
    outdir: `s3://${bucket}/${outputsFolder(id)}`,
  };
  return JSON.stringify({ ...Object.fromEntries(values), ...places }, null, 2).replaceAll('$', '\\u0024');
}

/** The images that a run needs: that of Nextflow, and those of its tasks. */
export const listImages = ({ image, taskImage = image, containers }: PipelineRequest): string[] => [
  ...new Set([image, taskImage, ...Object.values(containers)]),
];
