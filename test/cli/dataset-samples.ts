import { requestSamples } from './request-samples.ts';

const { time, sha256, purpose: long } = requestSamples;
const terms = {
  dataset: 'admissions',
  title: 'Hospital admissions',
  description: long,
  owner: 's-1',
  ownerName: 'sam',
  controller: 'Tayside Health',
  licence: 'DSA 2026-14',
  purposes: ['research', 'public-health'],
  tier: 3,
  days: 365,
  changedBy: 'olga',
  changedAt: time,
};
const requestedUse = {
  status: 'requested',
  id: 'du-0011223344556677',
  project: 'asthma-tayside',
  dataset: 'admissions',
  version: sha256,
  prefix: `datasets/admissions/${sha256}/`,
  purpose: 'research',
  endsAt: time,
  explanation: long,
  requestedBy: 'r-1',
  requestedByName: 'rana',
  requestedAt: time,
};
const approvedUse = {
  ...requestedUse,
  status: 'approved',
  approvedBy: 's-1',
  approvedByName: 'sam',
  approvedAt: time,
  conditions: long,
};
const minimisedUse = {
  ...approvedUse,
  recipe: {
    recipe: 1,
    tables: [
      {
        path: 'visits*.csv',
        columns: [
          { name: 'nhs_number', do: 'hash', as: 'person' },
          { name: 'born', do: 'date', to: 'year', format: 'yyyy-mm-dd' },
        ],
        sample: { by: 'nhs_number', share: 0.1 },
      },
    ],
  },
  recipeDigest: sha256,
  minimised: {
    version: sha256,
    prefix: `datasets/admissions/${sha256}/`,
    files: 2,
    bytes: 1_234_567,
    rowsRead: 1_000_000,
    rowsWritten: 100_000,
    cellsEmptied: 12,
    filesLeftOut: 3,
    at: time,
  },
};
const refusedUse = {
  ...requestedUse,
  status: 'refused',
  refusedBy: 's-1',
  refusedByName: 'sam',
  refusedAt: time,
  reason: long,
};
const endedUse = {
  ...requestedUse,
  status: 'ended',
  approvedByName: 'sam',
  approvedAt: time,
  conditions: long,
  endedBy: 's-1',
  endedByName: 'sam',
  reason: long,
  endedAt: time,
};

const withdrawnTerms = { ...terms, withdrawn: { by: 's-1', byName: 'sam', reason: long, at: time } };

/** An answer of each route about datasets in projects. */
export const datasetSamples = {
  governDataset: terms,
  showDataset: { dataset: 'admissions', rules: { ...terms, retainUntil: time } },
  showAccessLog: {
    items: [
      {
        at: time,
        version: sha256,
        path: 'data/a.csv',
        project: 'asthma-tayside',
        reader: 'broch-main-asthma-tayside/i-0a1b2c3d4e5f60718',
        address: '10.99.0.12',
        status: 200,
        bytes: 45_600,
      },
    ],
  },
  showReceiptLink: { url: 'https://s3.example/receipt.json', sha256, expires: time },
  listCatalogue: { items: [terms, withdrawnTerms] },
  withdrawDataset: withdrawnTerms,
  suspendDataset: { ...terms, suspended: { byName: 'sam', reason: long, at: time } },
  resumeDataset: terms,
  showReceipt: {
    record: {
      v: 1,
      dataset: 'admissions',
      controller: 'Tayside Health',
      licence: 'DSA 2026-14',
      withdrawnAt: time,
      withdrawnBy: 'sam',
      reason: long,
      objects: [{ bucket: 'lake', key: `datasets/admissions/${sha256}/data/a.csv`, version: 'v1', size: 3, sha256 }],
      deletedAt: time,
      keyId: 'key',
      algorithm: 'ECDSA_SHA_256',
    },
    signature: 'A'.repeat(96),
    publicKey: 'PEM',
  },
  requestUse: requestedUse,
  listProjectUses: {
    items: [requestedUse, { ...approvedUse, newerVersion: 'f'.repeat(64) }, minimisedUse, refusedUse, endedUse],
  },
  listDatasetUses: { items: [requestedUse, approvedUse] },
  approveUse: approvedUse,
  refuseUse: refusedUse,
  endUse: endedUse,
};
