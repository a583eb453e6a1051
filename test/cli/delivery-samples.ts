import { requestSamples } from './request-samples.ts';

const { time, sha256, path } = requestSamples;
const partner = {
  name: 'petra',
  partner: 'p-1',
  organisation: 'Tayside Health',
  contact: 'Petra, petra@tayside.example',
  agreement: 'DSA 2026-14',
  startsAt: time,
  endsAt: time,
  datasets: ['admissions', 'visits-*'],
  everyDays: 30,
  graceDays: 2,
  networks: ['192.0.2.0/24'],
  acceptance: 'steward',
  changedBy: 'olga',
  changedAt: time,
  overdue: [{ dataset: 'admissions', dueAt: time }],
  keys: [{ key: 'ssh-ed25519 AAAAC3Nz', fingerprint: 'SHA256:0abc', comment: 'petra@tayside' }],
};
const checkId = `dl-0011223344556677-${'0'.repeat(32)}`;
const accepted = { by: 's-1', byName: 'stella', at: time };
const delivery = {
  status: 'held',
  id: 'dl-0011223344556677',
  dataset: 'admissions',
  partner: 'p-1',
  partnerName: 'petra',
  openedAt: time,
  check: `dl-0011223344556677-${'0a'.repeat(16)}`,
  findings: [{ path, reason: 'The manifest lists it, but it was not uploaded. Upload it.' }],
  found: 1,
  heldAt: time,
};
const version = {
  dataset: 'admissions',
  version: sha256,
  files: 1200,
  bytes: 45_600_000_000,
  delivery: delivery.id,
  partnerName: 'petra',
  prefix: `datasets/admissions/${sha256}/`,
  registeredAt: time,
};
const shape = (columns: string[], rows: number) => ({ columns, columnCount: columns.length, rows });
/** Credentials for an upload, which a delivery and an import get. */
export const accessSample = {
  bucket: 'broch-main-uploads',
  prefix: 'uploads/al-0011223344556677/',
  region: 'eu-west-2',
  accessKeyId: 'ASIA1234567890EXAMPLE',
  secretAccessKey: 'secret/abcdefghijklmnopqrstuvwxyz0123456789',
  sessionToken: 'token'.repeat(60),
  expires: time,
};

/** An answer of each route about deliveries and what became of them. */
export const deliverySamples = {
  setContract: {
    resources: [
      {
        path: '*.csv',
        minRows: 10,
        schema: { fields: [{ name: 'id', type: 'integer', constraints: { required: true } }], primaryKey: ['id'] },
      },
    ],
  },
  registerPartner: partner,
  setPartnerKeys: partner,
  showPartner: partner,
  listPartners: { items: [partner] },
  openDelivery: delivery,
  showDelivery: delivery,
  listDeliveries: {
    items: [
      {
        id: delivery.id,
        dataset: 'admissions',
        partner: 'p-1',
        partnerName: 'petra',
        status: 'held',
        found: 1,
        openedAt: time,
      },
    ],
  },
  acceptDelivery: {
    ...delivery,
    status: 'checking',
    manifest: 'SHA256SUMS',
    check: checkId,
    checkingSince: time,
    accepted,
  },
  acceptUnscanned: {
    ...delivery,
    status: 'checking',
    manifest: 'SHA256SUMS',
    check: checkId,
    checkingSince: time,
    unscanned: { ...accepted, reason: 'Encrypted by agreement.', manifestVersion: 'v1' },
  },
  rejectDelivery: {
    ...delivery,
    status: 'rejected',
    rejectedBy: 's-1',
    rejectedByName: 'stella',
    reason: 'The year 2025 is missing.',
    rejectedAt: time,
  },
  cancelDelivery: { ...delivery, status: 'cancelled', cancelledAt: time },
  listReceiptFiles: { items: [{ path, sha256 }] },
  listDatasets: { items: [version] },
  listVersions: { items: [version] },
  listDatasetFiles: { items: [{ path, sha256 }] },
  compareVersions: {
    items: [
      { path, change: 'changed', before: shape(['id', 'date_of_birth'], 1000), after: shape(['id', 'age_band'], 1234) },
    ],
  },
  startUpload: { path, upload: '2~abc', partBytes: 8_388_608, parts: 3 },
  signUpload: { urls: [{ part: 1, url: 'https://s3.example/a.csv' }], expires: time },
  listUploadParts: { parts: [{ part: 1, size: 8_388_608 }] },
  completeUpload: { path, parts: 3 },
  uploadAccess: accessSample,
};
