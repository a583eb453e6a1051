import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bagManifest, crateId, crateOf } from '../../../functions/airlock/release/crate.ts';
import { type CrateRun, workflowCrateOf } from '../../../functions/airlock/release/run-crate.ts';
import { stripAssessments } from '../../../functions/airlock/release/strip-assessments.ts';
import { JobRequest as ComputeJobRequest } from '../../../functions/batch/schemas.ts';
import { buildReleaseRecord, exampleReleaseFiles } from './pages.ts';

type Entity = Record<string, unknown> & { '@id': string };
const workflow = 'https://workflowhub.eu/workflows/289?version=1';
const now = '2026-11-02T08:00:00.000Z';
const options = { fingerprint: 'ab'.repeat(32), tre: 'TRE 72', workflow, altered: new Map<string, string>() };
const record = buildReleaseRecord();
const { '@graph': graph, '@context': context } = crateOf(record, options, now) as {
  '@graph': Entity[];
  '@context': string;
};
const get = (id: string) => graph.find(entity => entity['@id'] === id);
const root = get('./') as Entity;
const refs = (value: unknown) => ([value].flat() as { '@id': string }[]).map(({ '@id': id }) => id);

/** What Five Safes RO-Crate 0.4 and RO-Crate 1.2 ask for, clause by clause. */
describe('the crate', () => {
  it('describes itself (RO-Crate 1.2, root data entity)', () => {
    expect(context).toBe('https://w3id.org/ro/crate/1.2/context');
    expect(get('ro-crate-metadata.json')).toEqual({
      '@id': 'ro-crate-metadata.json',
      '@type': 'CreativeWork',
      about: { '@id': './' },
      conformsTo: { '@id': 'https://w3id.org/ro/crate/1.2' },
    });
    for (const name of ['name', 'description', 'datePublished', 'license']) expect(root).toHaveProperty(name);
  });

  it('conforms to the profile and includes the entity of the profile', () => {
    expect(root.conformsTo).toEqual({ '@id': 'https://w3id.org/5s-crate/0.4' });
    expect(get('https://w3id.org/5s-crate/0.4')?.['@type']).toBe('Profile');
  });

  it('has a workflow as its main entity, which the action used as its instrument', () => {
    expect(root.mainEntity).toEqual({ '@id': workflow });
    expect(get(workflow)?.conformsTo).toEqual({ '@id': 'https://w3id.org/workflowhub/workflow-ro-crate/1.0' });
    const action = graph.find(entity => entity['@type'] === 'CreateAction');
    expect(action?.instrument).toEqual({ '@id': workflow });
    expect(refs(root.mentions)).toContain(action?.['@id']);
    expect(refs(action?.result).sort()).toEqual(Object.keys(exampleReleaseFiles).map(crateId).sort());
  });

  it('claims no conformance without a workflow', () => {
    const bare = crateOf(record, { ...options, workflow: undefined }, now)['@graph'] as Entity[];
    expect(bare.find(entity => entity['@id'] === './')).not.toHaveProperty('conformsTo');
    expect(JSON.stringify(bare)).not.toContain('5s-crate');
  });

  it('names the requester as a member of the responsible project', () => {
    const action = graph.find(entity => entity['@type'] === 'CreateAction');
    const agent = get(refs(action?.agent)[0] as string);
    expect(agent).toMatchObject({ '@type': 'Person', name: record.requester });
    expect(refs(agent?.memberOf)).toEqual(refs(root.sourceOrganization));
    expect(get(refs(root.sourceOrganization)[0] as string)).toMatchObject({ '@type': 'Project', name: 'asthma' });
  });

  it('mentions every assessment of the whole crate, with an outcome, an agent and a term of SHP', () => {
    const assessments = graph.filter(entity => entity['@type'] === 'AssessAction');
    expect(assessments).toHaveLength(record.reviewers.length + 2);
    for (const assessment of assessments) {
      expect(refs(root.mentions)).toContain(assessment['@id']);
      expect(refs(assessment.object)).toContain('./');
      expect(assessment.actionStatus).toBe('http://schema.org/CompletedActionStatus');
      expect(refs(assessment.additionalType)[0]).toMatch(/^https:\/\/w3id\.org\/shp#(DisclosureCheck|CheckValue)$/);
      expect(typeof assessment.name).toBe('string');
    }
    const people = assessments.filter(assessment => get(refs(assessment.agent)[0] as string)?.['@type'] === 'Person');
    expect(people.map(({ endTime }) => endTime)).toEqual(record.reviewers.map(({ at: timestamp }) => timestamp));
    expect(people.map(person => get(refs(person.agent)[0] as string)?.name)).toEqual(
      record.reviewers.map(({ id }) => id),
    );
  });

  it('states on whose behalf its software acts', () => {
    for (const application of graph.filter(entity => entity['@type'] === 'SoftwareApplication'))
      expect(get(refs(application.provider)[0] as string)).toMatchObject({ '@type': 'Organization', name: 'TRE 72' });
  });

  it('describes everything that it refers to, except terms of vocabularies', () => {
    const ids = new Set(graph.map(entity => entity['@id']));
    expect(ids.size).toBe(graph.length);
    const look = (value: unknown): string[] =>
      Array.isArray(value)
        ? value.flatMap(look)
        : value !== null && typeof value === 'object'
          ? Object.entries(value).flatMap(([name, inner]) => (name === '@id' ? [String(inner)] : look(inner)))
          : [];
    const loose = look(graph).filter(id => !ids.has(id) && !id.startsWith('https://w3id.org/'));
    expect(loose).toEqual([]);
  });

  it('gives files paths that stay inside the crate, whatever their names are', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme', minLength: 1 }).filter(name => !/[/\\]/.test(name) && !/^\.+$/.test(name)),
          { minLength: 1 },
        ),
        names => {
          const path = names.join('/');
          const url = new URL(crateId(path), 'arcp://uuid,0/data/');
          expect(url.hash + url.search).toBe('');
          expect(decodeURIComponent(url.pathname)).toBe(`/data/outputs/${path}`);
        },
      ),
    );
  });

  it('has a manifest in which no file name can be read as a line', () =>
    expect(
      bagManifest([
        { path: 'data/b', sha512: '2' },
        { path: 'data/a\n%\r', sha512: '1' },
      ]),
    ).toBe('1  data/a%0A%25%0D\n2  data/b\n'));
});

describe('the crate of the outputs of a batch job', () => {
  const version = 'c'.repeat(64);
  const job = ComputeJobRequest.parse({
    image: `quay/python@sha256:${'a'.repeat(64)}`,
    command: ['python', "it's.py"],
  });
  const run: CrateRun = {
    id: 'job-019a0b1c2d3e4f50',
    status: 'succeeded',
    submittedAt: '2026-11-01T07:00:00.000Z',
    endedAt: '2026-11-01T08:00:00.000Z',
    request: { ...job, variables: { RATE: '0.1' }, inputs: ['data/cohort/'] },
    datasets: [{ dataset: 'admissions', version, prefix: 'p', endsAt: '2099-01-01T00:00:00Z' }],
  };
  const { '@graph': graph } = crateOf(record, { ...options, workflow: undefined, run }, now) as { '@graph': Entity[] };
  const get = (id: string) => graph.find(entity => entity['@id'] === id);
  const root = get('./') as Entity;
  const action = graph.find(entity => entity['@type'] === 'CreateAction') as Entity;

  // The sentences are the MUSTs of https://w3id.org/5s-crate/0.4 for a crate whose run has completed.
  it('MUST reference a Workflow RO-Crate Dataset as its mainEntity', () => {
    expect(root.conformsTo).toEqual({ '@id': 'https://w3id.org/5s-crate/0.4' });
    expect(get(refs(root.mainEntity)[0] as string)).toMatchObject({
      '@id': 'workflow/',
      '@type': 'Dataset',
      conformsTo: { '@id': 'https://w3id.org/workflowhub/workflow-ro-crate/1.0' },
    });
  });

  it('MUST include a CreateAction, mentioned by the root, that references the Workflow Crate using instrument', () => {
    expect(refs(root.mentions)).toContain(action['@id']);
    expect(action).toMatchObject({
      instrument: { '@id': 'workflow/' },
      startTime: run.submittedAt,
      endTime: run.endedAt,
    });
    expect(get(refs(action.agent)[0] as string)?.['@type']).toBe('Person');
    expect(get(refs(root.sourceOrganization)[0] as string)?.['@type']).toBe('Project');
  });

  it('MUST have a corresponding data entity for each input, datasets by their version', () => {
    expect(refs(action.object)).toContain(`urn:broch:dataset:admissions:${version}`);
    for (const id of refs(action.object)) expect(get(id)?.name, id).toEqual(expect.any(String));
    expect(get('#variable-RATE')).toMatchObject({ '@type': 'PropertyValue', name: 'RATE', value: '0.1' });
  });

  it('MUST include every result in hasPart, and all assessments in mentions', () => {
    for (const id of refs(action.result)) expect(refs(root.hasPart)).toContain(id);
    for (const entity of graph)
      if (entity['@type'] === 'AssessAction') expect(refs(root.mentions)).toContain(entity['@id']);
  });

  it('says that a failed run failed', () => {
    const failure = crateOf(record, { ...options, run: { ...run, status: 'failed' } }, now)['@graph'] as Entity[];
    const failedAction = failure.find(entity => entity['@type'] === 'CreateAction');
    expect(failedAction?.actionStatus).toBe('http://schema.org/FailedActionStatus');
  });

  it('holds a Workflow RO-Crate with one main workflow, its language and a licence', () => {
    const files = workflowCrateOf(run, 'https://spdx.org/licenses/CC-BY-4.0');
    const { '@graph': entities } = JSON.parse(files['ro-crate-metadata.json'] ?? '') as { '@graph': Entity[] };
    const find = (id: string) => entities.find(entity => entity['@id'] === id);
    expect(refs(find('ro-crate-metadata.json')?.conformsTo)).toEqual([
      'https://w3id.org/ro/crate/1.1',
      'https://w3id.org/workflowhub/workflow-ro-crate/1.0',
    ]);
    const main = find(refs(find('./')?.mainEntity)[0] as string);
    expect(main?.['@type']).toEqual(['File', 'SoftwareSourceCode', 'ComputationalWorkflow']);
    expect(find(refs(main?.programmingLanguage)[0] as string)?.['@type']).toBe('ComputerLanguage');
    expect(find('./')?.license).toBe('https://spdx.org/licenses/CC-BY-4.0');
    expect(files['run.sh']).toContain(`export RATE='0.1'\nexec 'python' 'it'\\''s.py'\n`);
  });
});

describe('metadata from the requester', () => {
  it.each([
    ['a type', { '@id': '#a', '@type': 'AssessAction' }],
    ['one of several types', { '@id': '#a', '@type': ['CreateAction', 'AssessAction'] }],
    ['a kind of it', { '@id': '#a', '@type': 'EndorseAction' }],
    ['its whole address', { '@id': '#a', '@type': 'https://schema.org/AssessAction' }],
    ['another spelling of the key', { '@id': '#a', type: 'AssessAction' }],
    [
      'a term of SHP on any action',
      { '@id': '#a', '@type': 'Action', additionalType: { '@id': 'https://w3id.org/shp#SignOff' } },
    ],
    ['the term as text', { '@id': '#a', '@type': 'Action', additionalType: 'https://w3id.org/shp#DisclosureCheck' }],
  ])('loses an assessment given by %s, and references to it', (_, assessment) => {
    const graph = [
      { '@id': './', mentions: [{ '@id': '#a' }, { '@id': '#b' }], about: { '@id': '#a' }, note: '#a' },
      assessment,
      { '@id': '#b', '@type': 'CreateAction', inline: { ...assessment, '@id': '#c' } },
    ];
    expect(stripAssessments({ '@context': [{ Trust: 'http://schema.org/AssessAction' }], '@graph': graph })).toEqual({
      removed: 2,
      metadata: {
        '@context': 'https://w3id.org/ro/crate/1.2/context',
        '@graph': [
          { '@id': './', mentions: [{ '@id': '#b' }] },
          { '@id': '#b', '@type': 'CreateAction' },
        ],
      },
    });
  });

  it('loses nothing else', () => {
    const plain = {
      '@context': 'https://w3id.org/ro/crate/1.2/context',
      '@graph': [{ '@id': './', '@type': 'Dataset', size: 3, ok: null }],
    };
    expect(stripAssessments(plain)).toEqual({ removed: 0, metadata: plain });
  });

  it('keeps no assessment at any depth', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(6), (value, depth) => {
        let nested: unknown = { '@type': ['x', 'AssessAction'], '@id': '#z', value };
        for (let level = 0; level < depth; level++) nested = level % 2 ? [nested] : { [`k${level}`]: nested };
        const { metadata, removed: removedCount } = stripAssessments({ '@graph': [nested] });
        expect(removedCount).toBeGreaterThan(0);
        expect(stripAssessments(metadata).removed).toBe(0);
        expect(JSON.stringify(metadata)).not.toContain('AssessAction');
      }),
    );
  });
});
