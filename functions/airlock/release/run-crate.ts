import type { ComputeJob } from '../../batch/schemas.ts';

/** The batch job that made the released files, as far as the crate describes it. */
export type CrateRun = Pick<ComputeJob, 'id' | 'status' | 'submittedAt' | 'request' | 'datasets'> &
  Partial<Pick<ComputeJob, 'pipeline'>> & { readonly endedAt?: string };

type Entity = Record<string, unknown> & { '@id': string; '@type': string | string[] };
const ref = (id: string) => ({ '@id': id });

/** The folder of the Workflow RO-Crate in the crate, which the profile allows instead of an address. */
export const WORKFLOW_FOLDER = 'workflow/';
const SCRIPT = 'run.sh';
const workflowProfile = 'https://w3id.org/workflowhub/workflow-ro-crate/1.0';

const quoteWord = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** The command of the job as a script. Each word is in quotes, so a shell passes on the same words that the job got. */
const scriptOf = ({ request }: CrateRun): string =>
  [
    '#!/bin/sh',
    `# In the container image ${request.image}`,
    ...(request.code ? [`# with the code ${request.code.repository} at ${request.code.commit}`] : []),
    ...Object.entries(request.variables).map(([name, value]) => `export ${name}=${quoteWord(value)}`),
    `exec ${request.command.map(quoteWord).join(' ')}`,
    '',
  ].join('\n');

/**
 * The files of a Workflow RO-Crate 1.0 (https://w3id.org/workflowhub/workflow-ro-crate/1.0): its description, and the main
 * workflow, which is the command of the job.
 */
export function workflowCrateOf(run: CrateRun, license: string): Record<string, string> {
  const graph: Entity[] = [
    {
      '@id': 'ro-crate-metadata.json',
      '@type': 'CreativeWork',
      about: ref('./'),
      conformsTo: [ref('https://w3id.org/ro/crate/1.1'), ref(workflowProfile)],
    },
    {
      '@id': './',
      '@type': 'Dataset',
      name: nameOf(run),
      description: `What ${run.id} ran: one command in one container image.`,
      datePublished: run.endedAt ?? run.submittedAt,
      license,
      mainEntity: ref(SCRIPT),
      hasPart: [ref(SCRIPT)],
    },
    {
      '@id': SCRIPT,
      '@type': ['File', 'SoftwareSourceCode', 'ComputationalWorkflow'],
      name: nameOf(run),
      programmingLanguage: ref('#sh'),
    },
    { '@id': '#sh', '@type': 'ComputerLanguage', name: 'POSIX shell' },
  ];
  const context = 'https://w3id.org/ro/crate/1.1/context';
  return {
    [SCRIPT]: scriptOf(run),
    'ro-crate-metadata.json': `${JSON.stringify({ '@context': context, '@graph': graph }, null, 2)}\n`,
  };
}

const nameOf = ({ id, pipeline, request }: CrateRun): string =>
  pipeline ? `Pipeline ${pipeline.pipeline} ${pipeline.revision}, run as ${id}` : `${request.command[0]}, run as ${id}`;

/** An entity for each input of the run: the versions of datasets, the folders, and the parameters. */
function listInputs({ datasets, request, pipeline }: CrateRun): Entity[] {
  const value = (id: string, name: string, text: string) => ({
    '@id': id,
    '@type': 'PropertyValue',
    name,
    value: text,
  });
  return [
    ...datasets.map(({ dataset, version }) => ({
      '@id': `urn:broch:dataset:${dataset}:${version}`,
      '@type': 'Dataset',
      name: dataset,
      version,
      identifier: version,
    })),
    ...request.inputs.map(folder => ({ '@id': `urn:broch:folder:${folder}`, '@type': 'Dataset', name: folder })),
    ...(pipeline?.input === undefined ? [] : [value('#parameter-input', 'input', pipeline.input)]),
    ...Object.entries(pipeline?.params ?? {}).map(([name, parameter]) =>
      value(`#parameter-${name}`, name, String(parameter)),
    ),
    ...Object.entries(request.variables).map(([name, text]) => value(`#variable-${name}`, name, text)),
    value('#command', 'command', JSON.stringify(request.command)),
    value('#image', 'container image', request.image),
  ];
}

/** Describes the run, except its outputs: the fields of its action, and the entities that these fields name. */
export function describeRun(run: CrateRun) {
  const inputs = listInputs(run);
  const workflow: Entity = {
    '@id': WORKFLOW_FOLDER,
    '@type': 'Dataset',
    name: nameOf(run),
    conformsTo: ref(workflowProfile),
  };
  return {
    action: {
      name: `Run ${run.id}`,
      identifier: run.id,
      object: inputs.map(({ '@id': id }) => ref(id)),
      startTime: run.submittedAt,
      ...(run.endedAt !== undefined && { endTime: run.endedAt }),
      ...(run.status === 'failed' && { actionStatus: 'http://schema.org/FailedActionStatus' }),
    },
    entities: [workflow, ...inputs],
  };
}
