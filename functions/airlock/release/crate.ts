import { createHash } from 'node:crypto';
import type { ReleaseRecord } from './record.ts';
import { type CrateRun, describeRun, WORKFLOW_FOLDER } from './run-crate.ts';

// A Five Safes RO-Crate 0.4 (https://w3id.org/5s-crate/0.4) on RO-Crate 1.2. Terms and shapes are those of its examples.

type Entity = Record<string, unknown> & { '@id': string; '@type': string | string[] };
const ref = (id: string) => ({ '@id': id });

export const RO_CRATE_CONTEXT = 'https://w3id.org/ro/crate/1.2/context';
const profile = 'https://w3id.org/5s-crate/0.4';
const completion = 'http://schema.org/CompletedActionStatus';
const hashIri = (hash: string) => `https://www.iana.org/assignments/named-information#${hash}`;
const shp = (term: string) => ref(`https://w3id.org/shp#${term}`);

/** The profile demands a Workflow RO-Crate as the mainEntity. Without one, the crate does not claim to conform. */
const noWorkflow =
  ' No workflow is named as having made them, so this crate uses the terms of the Five Safes RO-Crate profile 0.4 without conforming to it.';

/** The folder of released files in the crate. */
export const OUTPUTS_FOLDER = 'outputs/';

/** A path as a relative URI inside the crate, with special characters encoded. */
export const crateId = (path: string): string => OUTPUTS_FOLDER + path.split('/').map(encodeURIComponent).join('/');

/** An identifier that is the same whenever the same release is exported. */
function nameBasedUuid(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  // Version 8: a custom format (RFC 9562).
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export interface CrateOptions {
  /** The signing key, as the verifier saw it. */
  readonly fingerprint: string;
  /** The name of the organisation that runs the environment. */
  readonly tre: string;
  /** The Workflow RO-Crate whose run made the files. Without it, the crate does not claim to conform to the profile. */
  readonly workflow?: string | undefined;
  /** The batch job that made the files. If it is given, its command is the workflow, in a folder of the crate. */
  readonly run?: CrateRun | undefined;
  /** A licence for the files, by its address; left out, they are under the project's conditions. */
  readonly license?: string | undefined;
  /** The requester's metadata files that the export changed: their paths, each with the reason. */
  readonly altered: ReadonlyMap<string, string>;
}

/** `ro-crate-metadata.json` of a release. `now` is when its files were compared with the record for the last time. */
export function crateOf(record: ReleaseRecord, options: CrateOptions, now: string) {
  const { fingerprint, tre, license = '#conditions', altered } = options;
  const run = options.run && describeRun(options.run);
  const workflow = run ? WORKFLOW_FOLDER : options.workflow;
  const uuid = (label: string) => nameBasedUuid(record.request, record.seal.sha256, label);
  const person = (id: string) => `#person-${nameBasedUuid(id)}`;
  // Their pseudonyms are unique only within the request.
  const reviewer = (id: string) => `#person-${uuid(id)}`;
  const project = `#project-${nameBasedUuid(record.project)}`;
  const ids = {
    run: `#run-${uuid('run')}`,
    checks: `#disclosure-${uuid('checks')}`,
    values: `#check-${uuid('values')}`,
    bag: `#bagit-${uuid('bag')}`,
  };
  const reviews = record.reviewers.map(
    ({ id, at: votedAt }): Entity => ({
      '@id': `#disclosure-${uuid(id)}`,
      '@type': 'AssessAction',
      additionalType: shp('DisclosureCheck'),
      name: 'Disclosure check by a reviewer: approved',
      endTime: votedAt,
      object: ref('./'),
      instrument: ref('#policy'),
      agent: ref(reviewer(id)),
      actionStatus: completion,
    }),
  );
  const files = record.files.map(
    ({ path, size, sha256 }): Entity => ({
      '@id': crateId(path),
      '@type': 'File',
      name: path,
      contentSize: String(size),
      ...(altered.has(path) ? { description: altered.get(path) } : { sha256 }),
    }),
  );
  const people = new Set([record.requester, record.recipient]);
  const root: Entity = {
    '@id': './',
    '@type': 'Dataset',
    ...(workflow && { conformsTo: ref(profile), mainEntity: ref(workflow) }),
    name: `Release ${record.request} from project ${record.project}`,
    description: `${record.files.length} files that left a trusted research environment after review by ${record.reviewers.length} people, under disclosure policy ${record.policy}.${workflow ? '' : noWorkflow}`,
    datePublished: record.releasedAt,
    license: ref(license),
    publisher: ref('#tre'),
    sourceOrganization: ref(project),
    hasPart: [...(workflow ? [ref(workflow)] : []), ref('release.json'), ...files.map(({ '@id': id }) => ref(id))],
    mentions: [ids.run, ids.checks, ...reviews.map(({ '@id': id }) => id), ids.values, ids.bag].map(ref),
  };
  const graph: Entity[] = [
    {
      '@id': 'ro-crate-metadata.json',
      '@type': 'CreativeWork',
      about: ref('./'),
      conformsTo: ref('https://w3id.org/ro/crate/1.2'),
    },
    root,
    ...(workflow
      ? [
          { '@id': profile, '@type': 'Profile', name: 'Five Safes RO-Crate profile' },
          ...(run
            ? run.entities
            : [
                {
                  '@id': workflow,
                  '@type': 'Dataset',
                  name: 'The workflow that made the files',
                  conformsTo: ref('https://w3id.org/workflowhub/workflow-ro-crate/1.0'),
                },
              ]),
        ]
      : []),
    {
      '@id': ids.run,
      '@type': 'CreateAction',
      name: `Analysis in project ${record.project}, whose outputs request ${record.request} released`,
      agent: ref(person(record.requester)),
      ...(workflow && { instrument: ref(workflow) }),
      result: files.map(({ '@id': id }) => ref(id)),
      actionStatus: completion,
      ...run?.action,
    },
    {
      '@id': ids.checks,
      '@type': 'AssessAction',
      additionalType: shp('DisclosureCheck'),
      name: 'Automatic disclosure check of every file: done, and seen by the reviewers',
      object: ref('./'),
      instrument: ref('#policy'),
      result: ref('#check-reports'),
      agent: ref('#airlock'),
      actionStatus: completion,
    },
    ...reviews,
    {
      '@id': ids.values,
      '@type': 'AssessAction',
      additionalType: shp('CheckValue'),
      name: 'Every file compared with the signed release record: OK',
      endTime: now,
      object: [ref('./'), ref('release.json')],
      instrument: ref(hashIri('sha-256')),
      agent: ref('#airlock'),
      actionStatus: completion,
    },
    {
      '@id': ids.bag,
      '@type': 'UpdateAction',
      additionalType: shp('GenerateCheckValue'),
      name: 'BagIt manifests of the crate written',
      startTime: now,
      object: ref('./'),
      instrument: ref(hashIri('sha-512')),
      agent: ref('#airlock'),
      actionStatus: completion,
    },
    {
      '@id': project,
      '@type': 'Project',
      name: record.project,
      identifier: [ref(`_:localid:broch:${record.project}`)],
    },
    { '@id': `_:localid:broch:${record.project}`, '@type': 'PropertyValue', name: 'broch', value: record.project },
    ...[...people].map(
      (id): Entity => ({
        '@id': person(id),
        '@type': 'Person',
        name: id,
        ...(id === record.requester && { memberOf: [ref(project)] }),
      }),
    ),
    ...record.reviewers.map(({ id }): Entity => ({ '@id': reviewer(id), '@type': 'Person', name: id })),
    { '@id': '#tre', '@type': 'Organization', name: tre },
    { '@id': '#airlock', '@type': 'SoftwareApplication', name: 'Broch, airlock', provider: ref('#tre') },
    { '@id': '#policy', '@type': 'CreativeWork', name: `Disclosure policy ${record.policy}`, version: record.policy },
    {
      '@id': '#check-reports',
      '@type': 'CreativeWork',
      name: 'The reports of the automatic checks, kept in the environment',
      sha256: record.checks,
    },
    ...['sha-256', 'sha-512'].map(
      (hash): Entity => ({ '@id': hashIri(hash), '@type': 'DefinedTerm', name: `${hash} algorithm` }),
    ),
    license === '#conditions'
      ? {
          '@id': license,
          '@type': 'CreativeWork',
          name: 'Conditions of the release',
          description: `For the recipient, under the agreements of project ${record.project} with the environment.`,
        }
      : { '@id': license, '@type': 'CreativeWork', name: 'Licence of the released files' },
    {
      '@id': 'release.json',
      '@type': 'File',
      name: 'The signed release record',
      encodingFormat: 'application/json',
      description: `Signed by the key with the SHA-256 fingerprint ${fingerprint}. Check it: broch airlock verify`,
    },
    ...files,
  ];
  return { '@context': RO_CRATE_CONTEXT, '@graph': graph };
}

const escapePath = (path: string) => path.replace(/[%\r\n]/g, sign => encodeURIComponent(sign));

/** A BagIt manifest (RFC 8493, 2.1.3), ordered by path. */
export const bagManifest = (entries: readonly { path: string; sha512: string }[]): string =>
  entries
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, sha512 }) => `${sha512}  ${escapePath(path)}\n`)
    .join('');

export const BAGIT_DECLARATION = 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n';

export const bagInfo = (record: ReleaseRecord, payload: { files: number; bytes: number }, now: string): string =>
  [
    `External-Identifier: urn:uuid:${nameBasedUuid(record.request, record.seal.sha256, 'crate')}`,
    `Bagging-Date: ${now.slice(0, 10)}`,
    `Payload-Oxum: ${payload.bytes}.${payload.files}`,
    'Bag-Software-Agent: Broch',
    '',
  ].join('\n');
