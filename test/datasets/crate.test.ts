import { expect, it } from 'vitest';
import { buildCrate, buildDcat } from '../../functions/datasets/crate.ts';
import { now, terms } from './builders.ts';

type Entity = Readonly<Record<string, unknown>> & { readonly '@id': string };
const sha256 = 'a'.repeat(64);
const version = {
  dataset: 'admissions',
  version: 'b'.repeat(64),
  files: 1,
  bytes: 3,
  delivery: 'dl-0011223344556677',
  partnerName: 'petra',
  prefix: 'x/',
  registeredAt: now,
  contract: 'c'.repeat(64),
};
const source = { version, terms, files: [{ path: 'sub folder/größe #1.csv', size: 3, sha256 }] };

it('the crate of a version has all its files and names nothing that it does not describe', () => {
  const { '@graph': graph } = buildCrate(source) as { '@graph': Entity[] };
  const ids = graph.map(entity => entity['@id']);
  expect(new Set(ids).size).toBe(ids.length);
  const references = [...JSON.stringify(graph).matchAll(/\{"@id":"([^"]+)"\}/g)].map(([, id = '']) => id);
  expect(references.filter(id => !ids.includes(id) && id !== 'https://w3id.org/ro/crate/1.3')).toEqual([]);
  expect(graph.find(entity => entity['@id'] === 'data/sub%20folder/gr%C3%B6%C3%9Fe%20%231.csv')).toMatchObject({
    contentSize: '3',
    encodingFormat: 'text/csv',
    sha256,
  });
  expect(graph.find(entity => entity['@id'] === './')).toMatchObject({
    'prov:wasGeneratedBy': { '@id': '#intake' },
    identifier: `urn:sha256:${version.version}`,
  });
  expect(graph.find(entity => entity['@id'] === '#intake')).toMatchObject({
    'prov:wasAssociatedWith': { '@id': '#partner' },
    'prov:used': [{ '@id': `#${version.delivery}` }, { '@id': `urn:sha256:${version.contract}` }],
  });
});

it('a version without rules is described by what is known of it', () => {
  const { '@graph': graph } = buildCrate({ ...source, terms: undefined }) as { '@graph': Entity[] };
  expect(graph.find(entity => entity['@id'] === './')).toMatchObject({ name: 'admissions' });
  expect(buildDcat({ ...source, terms: undefined })).toMatchObject({
    'dct:title': 'admissions',
    'dct:publisher': { 'foaf:name': 'petra' },
  });
});

it('the entry for a catalogue has the version, its size and its checksum', () => {
  expect(buildDcat(source)).toMatchObject({
    'dct:title': 'Hospital admissions',
    'dct:publisher': { 'foaf:name': 'Tayside Health' },
    'dct:license': 'DSA 2026-14',
    'dcat:distribution': {
      'dcat:byteSize': { '@value': '3' },
      'spdx:checksum': { 'spdx:checksumValue': version.version },
    },
  });
});
