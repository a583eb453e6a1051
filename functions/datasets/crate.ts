import type { DatasetVersion } from '../ingest/schemas.ts';
import type { ProofKind } from '../storage/proof-kinds.ts';
import { type MinimisationRecord, sumCounts } from './minimisation-record.ts';
import type { DatasetTerms } from './schemas.ts';

export interface CrateFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface CrateSource {
  readonly version: DatasetVersion;
  readonly terms: DatasetTerms | undefined;
  readonly files: readonly CrateFile[];
  /** How the SHA-256 of each delivered file is known, by its path. Versions from before that was written have none. */
  readonly proofs?: Readonly<Record<string, ProofKind>>;
  /** The record of the minimisation, for a minimised version. */
  readonly minimisation?: MinimisationRecord;
}

/** RO-Crate writes paths as URIs relative to the folder of its file. */
const fileId = (path: string): string => `data/${path.split('/').map(encodeURIComponent).join('/')}`;

const mediaTypes: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  txt: 'text/plain',
  md: 'text/markdown',
  parquet: 'application/vnd.apache.parquet',
  png: 'image/png',
  zip: 'application/zip',
};
const mediaTypeOf = (path: string): string =>
  mediaTypes[/\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';

/** How the version came about, in the words of W3C PROV: what arrived, what was checked, and who did it. */
function provenanceOf({ version: { delivery, partnerName, registeredAt, contract } }: CrateSource) {
  return [
    {
      '@id': '#intake',
      '@type': ['CreateAction', 'prov:Activity'],
      name: 'Intake of a delivery',
      description:
        'Every file was compared by its SHA-256 with the manifest of the data partner, checked for its kind, and copied unchanged.',
      endTime: registeredAt,
      agent: { '@id': '#partner' },
      instrument: [{ '@id': '#broch' }, ...(contract === undefined ? [] : [{ '@id': `urn:sha256:${contract}` }])],
      object: { '@id': `#${delivery}` },
      result: { '@id': './' },
      'prov:wasAssociatedWith': { '@id': '#partner' },
      'prov:used': [
        { '@id': `#${delivery}` },
        ...(contract === undefined ? [] : [{ '@id': `urn:sha256:${contract}` }]),
      ],
    },
    { '@id': `#${delivery}`, '@type': ['Thing', 'prov:Entity'], name: `The delivery ${delivery}` },
    { '@id': '#partner', '@type': ['Organization', 'prov:Agent'], name: partnerName },
    { '@id': '#broch', '@type': ['SoftwareApplication', 'prov:SoftwareAgent'], name: 'Broch' },
    ...(contract === undefined
      ? []
      : [{ '@id': `urn:sha256:${contract}`, '@type': ['CreativeWork', 'prov:Entity'], name: 'The data contract' }]),
  ];
}

/** Who computed the SHA-256 that was compared with the manifest. */
const proofTexts: Readonly<Record<ProofKind, string>> = {
  stored: 'S3 computed it when the file was uploaded.',
  streamed: 'Broch computed it from every byte.',
  computed: 'S3 computed it from the stored file, by a job of Batch Operations, and again from the copy.',
};

const proofId = (kind: ProofKind): string => `#sha256-${kind}`;

const proofEntities = (kinds: ReadonlySet<ProofKind>) =>
  [...kinds].map(kind => ({
    '@id': proofId(kind),
    '@type': 'PropertyValue',
    name: 'How the SHA-256 is known',
    value: proofTexts[kind],
  }));

/** How a minimised version came about: from which version, by which recipe, and how much was left out, as counts. */
function minimisationOf(record: MinimisationRecord, { registeredAt }: DatasetVersion) {
  const [source, recipe] = [`urn:sha256:${record.source}`, `urn:sha256:${record.recipeDigest}`];
  const [rowsRead, rowsWritten, cellsEmptied] = sumCounts(record);
  const counts = { rowsRead, rowsWritten, cellsEmptied, filesLeftOut: record.filesLeftOut };
  return [
    {
      '@id': '#minimisation',
      '@type': ['CreateAction', 'prov:Activity'],
      name: `Minimisation for the project ${record.project}`,
      description:
        'Broch applied the recipe to every row, and made pseudonyms with the linkage key of the project, which never leaves Broch.',
      endTime: registeredAt,
      agent: { '@id': '#broch' },
      instrument: { '@id': recipe },
      object: { '@id': source },
      result: { '@id': './' },
      'prov:wasAssociatedWith': { '@id': '#broch' },
      'prov:used': [{ '@id': source }, { '@id': recipe }],
      additionalProperty: Object.keys(counts).map(name => ({ '@id': `#${name}` })),
    },
    ...Object.entries(counts).map(([name, value]) => ({ '@id': `#${name}`, '@type': 'PropertyValue', name, value })),
    { '@id': source, '@type': ['Dataset', 'prov:Entity'], name: `The version ${record.source} of ${record.dataset}` },
    {
      '@id': recipe,
      '@type': ['CreativeWork', 'prov:Entity', 'prov:Plan'],
      name: 'The recipe that the owner of the dataset approved',
      encodingFormat: 'application/json',
      text: JSON.stringify(record.recipe),
    },
    { '@id': '#broch', '@type': ['SoftwareApplication', 'prov:SoftwareAgent'], name: 'Broch' },
  ];
}

/** The RO-Crate 1.3 of a version, with its provenance in the words of W3C PROV. */
export function buildCrate(source: CrateSource): object {
  const { version, terms, files, minimisation, proofs = {} } = source;
  const kinds = new Set(files.flatMap(({ path }) => proofs[path] ?? []));
  const root = {
    '@id': './',
    '@type': ['Dataset', 'prov:Entity'],
    identifier: `urn:sha256:${version.version}`,
    name: terms?.title ?? version.dataset,
    description: terms?.description || `A version of the dataset ${version.dataset}`,
    datePublished: version.registeredAt,
    license: { '@id': '#licence' },
    ...(terms && { publisher: { '@id': '#controller' } }),
    hasPart: files.map(({ path }) => ({ '@id': fileId(path) })),
    'prov:wasGeneratedBy': { '@id': minimisation ? '#minimisation' : '#intake' },
    ...(minimisation && { 'prov:wasDerivedFrom': { '@id': `urn:sha256:${minimisation.source}` } }),
  };
  return {
    '@context': [
      'https://w3id.org/ro/crate/1.3/context',
      { prov: 'http://www.w3.org/ns/prov#', sha256: 'https://w3id.org/ro/terms/workflow-run#sha256' },
    ],
    '@graph': [
      {
        '@id': 'ro-crate-metadata.json',
        '@type': 'CreativeWork',
        conformsTo: { '@id': 'https://w3id.org/ro/crate/1.3' },
        about: { '@id': './' },
      },
      root,
      {
        '@id': '#licence',
        '@type': 'CreativeWork',
        name: terms?.licence ?? 'Not set yet',
        description: terms
          ? `For ${terms.purposes.join(', ')}, for ${terms.days} days at most. Tier ${terms.tier}.`
          : 'No owner has set its rules.',
      },
      ...(terms ? [{ '@id': '#controller', '@type': 'Organization', name: terms.controller }] : []),
      ...(minimisation ? minimisationOf(minimisation, version) : provenanceOf(source)),
      ...proofEntities(kinds),
      ...files.map(({ path, size, sha256 }) => ({
        '@id': fileId(path),
        '@type': ['File', 'prov:Entity'],
        name: path,
        contentSize: String(size),
        encodingFormat: mediaTypeOf(path),
        sha256,
        ...(proofs[path] && { additionalProperty: { '@id': proofId(proofs[path]) } }),
      })),
    ],
  };
}

/** The entry of a version for a catalogue, after DCAT 3. */
export function buildDcat({ version, terms, files }: CrateSource): object {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return {
    '@context': {
      dcat: 'http://www.w3.org/ns/dcat#',
      dct: 'http://purl.org/dc/terms/',
      foaf: 'http://xmlns.com/foaf/0.1/',
      spdx: 'http://spdx.org/rdf/terms#',
      xsd: 'http://www.w3.org/2001/XMLSchema#',
    },
    '@id': `urn:broch:dataset:${version.dataset}:${version.version}`,
    '@type': 'dcat:Dataset',
    'dct:identifier': `urn:sha256:${version.version}`,
    'dct:title': terms?.title ?? version.dataset,
    'dct:description': terms?.description ?? '',
    'dct:issued': { '@value': version.registeredAt, '@type': 'xsd:dateTime' },
    'dcat:version': version.version,
    'dcat:isVersionOf': { '@id': `urn:broch:dataset:${version.dataset}` },
    'dct:publisher': { '@type': 'foaf:Organization', 'foaf:name': terms?.controller ?? version.partnerName },
    'dct:accessRights': { '@id': 'http://publications.europa.eu/resource/authority/access-right/RESTRICTED' },
    ...(terms && { 'dct:license': terms.licence }),
    'dcat:distribution': {
      '@type': 'dcat:Distribution',
      'dcat:byteSize': { '@value': String(bytes), '@type': 'xsd:nonNegativeInteger' },
      'dct:description': `${files.length} files`,
      'spdx:checksum': {
        '@type': 'spdx:Checksum',
        'spdx:algorithm': { '@id': 'http://spdx.org/rdf/terms#checksumAlgorithm_sha256' },
        'spdx:checksumValue': version.version,
      },
    },
  };
}
