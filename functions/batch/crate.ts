import { outputsFolder } from './definition.ts';
import { pipelineFiles } from './pipeline.ts';
import type { ComputeJob, JobIn } from './schemas.ts';

/** A file that a job left. */
export interface JobFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A line of `sha256sum`, which marks and escapes unusual names so that no name can look like two lines. */
function formatHash({ path, sha256 }: JobFile): string {
  const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
  const name = path.replace(/[\\\n\r]/g, character => escapes[character] ?? character);
  return `${name === path ? '' : '\\'}${sha256}  ${name}\n`;
}

/** The outputs as `sha256sum --check` reads them. Two runs with the same files have the same list. */
export const formatHashes = (files: readonly JobFile[]): string => files.map(formatHash).sort().join('');

const entity = (id: string, type: string, fields: object) => ({ '@id': id, '@type': type, ...fields });
const reference = (id: string) => ({ '@id': id });

const endStates = {
  succeeded: 'http://schema.org/CompletedActionStatus',
  failed: 'http://schema.org/FailedActionStatus',
} as const;

/** What the job read: versions of datasets, folders of the project, and its parameters. */
function listInputs({ request, datasets, pipeline }: ComputeJob) {
  return [
    ...(pipeline
      ? [
          entity('#pipeline', 'PropertyValue', { name: pipeline.pipeline, value: pipeline.revision }),
          ...Object.values(pipelineFiles).map(name => entity(name, 'File', { name })),
        ]
      : []),
    ...datasets.map(({ dataset, version }) =>
      entity(`urn:broch:dataset:${dataset}:${version}`, 'Dataset', { name: dataset, version, identifier: version }),
    ),
    ...request.inputs.map(folder => entity(`urn:broch:folder:${folder}`, 'Dataset', { name: folder })),
    ...Object.entries(request.variables).map(([name, value]) =>
      entity(`#variable-${name}`, 'PropertyValue', { name, value }),
    ),
    ...(['tasks', 'nodes'] as const)
      .filter(name => request[name] > 1)
      .map(name => entity(`#${name}`, 'PropertyValue', { name, value: String(request[name]) })),
    entity('#command', 'PropertyValue', { name: 'command', value: JSON.stringify(request.command) }),
  ];
}

/**
 * The description of a run as a Process Run Crate, the profile of Workflow Run RO-Crate for a single program:
 * https://www.researchobject.org/workflow-run-crate/profiles/process_run_crate/
 */
export function buildRunCrate(job: JobIn<'succeeded' | 'failed'>, files: readonly JobFile[]): object {
  const { id, owner, request, submittedAt, endedAt, status, reason } = job;
  const [software, action] = ['#software', `#run-${id}`];
  const inputs = listInputs(job);
  const profile = 'https://w3id.org/ro/wfrun/process/0.5';
  const outputs = files.map(({ path, bytes, sha256 }) =>
    entity(`../outputs/${encodeURI(path)}`, 'File', { name: path, contentSize: String(bytes), sha256 }),
  );
  return {
    '@context': ['https://w3id.org/ro/crate/1.1/context', 'https://w3id.org/ro/terms/workflow-run/context'],
    '@graph': [
      entity('ro-crate-metadata.json', 'CreativeWork', {
        about: reference('./'),
        conformsTo: reference('https://w3id.org/ro/crate/1.1'),
      }),
      entity('./', 'Dataset', {
        name: `Run ${id}`,
        description: `What ${id} ran, read and left in ${outputsFolder(id)}.`,
        datePublished: endedAt,
        conformsTo: reference(profile),
        mentions: reference(action),
        hasPart: outputs.map(output => reference(output['@id'])),
      }),
      entity(profile, 'CreativeWork', { name: 'Process Run Crate', version: '0.5' }),
      entity(software, 'SoftwareApplication', {
        name: request.image,
        identifier: request.image.slice(request.image.indexOf('@') + 1),
        ...(request.code && { codeRepository: request.code.repository, version: request.code.commit }),
      }),
      entity(`#person-${owner.id}`, 'Person', { name: owner.name }),
      entity(action, 'CreateAction', {
        name: `Run of ${request.image}`,
        instrument: reference(software),
        agent: reference(`#person-${owner.id}`),
        object: inputs.map(input => reference(input['@id'])),
        result: outputs.map(output => reference(output['@id'])),
        startTime: submittedAt,
        endTime: endedAt,
        actionStatus: reference(endStates[status]),
        ...(status === 'failed' && { error: reason }),
      }),
      ...inputs,
      ...outputs,
    ],
  };
}
