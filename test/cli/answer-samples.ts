import { policyFor } from '../../disclosure/tier-policy.ts';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import type { RouteName } from '../../functions/api/routes.ts';

import { batchSamples } from './batch-samples.ts';
import { datasetSamples } from './dataset-samples.ts';
import { accessSample, deliverySamples } from './delivery-samples.ts';
import { enclaveSamples } from './enclave-samples.ts';
import { imageSamples } from './image-samples.ts';
import { packageSamples } from './package-samples.ts';
import { requestSamples } from './request-samples.ts';
import { workspaceSamples } from './workspace-samples.ts';

const { time, sha256, purpose: long, path, seal, finding, vote, request, summary } = requestSamples;
const project = {
  status: 'ready',
  id: 'asthma-tayside',
  title: 'Asthma in Tayside, admissions and prescriptions 2010 to 2026',
  requestedBy: '93df9d47-1111-2222-3333-444455556666',
  requestedByName: 'olga',
  requestedAt: time,
  attempt: 1,
  cidr: '10.99.0.0/22',
  network: {
    stackId: 'arn:aws:cloudformation:eu-west-2:123456789012:stack/broch-main-project-asthma-tayside/0a1b2c3d',
    vpcId: 'vpc-0a1b2c3d4e5f60718',
    subnetIds: ['subnet-0a1b2c3d4e5f60718', 'subnet-1a1b2c3d4e5f60718'],
    securityGroupId: 'sg-0a1b2c3d4e5f60718',
    endpointSecurityGroupId: 'sg-1a1b2c3d4e5f60718',
    bucket: 'broch-main-123456789012-asthma-tayside',
    keyArn: 'arn:aws:kms:eu-west-2:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555',
    instanceProfile: 'broch-main-asthma-tayside',
    instanceRole: 'AROA1234567890EXAMPLE',
  },
  readyAt: time,
};
const member = {
  user: 'c0747955',
  name: 'rana',
  roles: ['lead', 'researcher'],
  since: time,
  addedBy: 'olga',
  reason: long,
};
const report = {
  status: 'sent',
  date: '2026-11-19',
  currency: 'USD',
  totalMicros: '1234500000',
  projects: [
    { project: project.id, amountMicros: '1200000000', beforeMicros: '1100000000' },
    { project: 'zoster', amountMicros: '34500000' },
  ],
  others: { count: 3, amountMicros: '1000000' },
  untaggedMicros: '2500000',
  lastWeekMicros: '1000000000',
  mean: { days: 7, amountMicros: '1111000000' },
  trend: [{ date: '2026-11-18', totalMicros: '1300000000' }],
  month: { totalMicros: '22000000000', forecastMicros: '33000000000', method: 'linear' },
  edition: 2,
  provisional: true,
  collectedAt: time,
  sentAt: time,
};
const differences = [
  { setting: 'quorum', before: '3', after: '2', weaker: true },
  { setting: 'caps.bytes', before: '53687091200', after: '1000000000', weaker: false },
];
const shownSettings = {
  settings: { tier: 3, caps: { bytes: 1_000_000_000 } },
  by: 'olga',
  reason: long,
  at: time,
  differences,
  rules: AirlockConfig.parse({ tier: 3 }),
  policy: policyFor(3, 'export'),
};

/** An answer of every route that people read, with everything in it that can be. */
export const answerSamples: Partial<Record<RouteName, object>> = {
  showMe: {
    id: 'c0747955',
    name: 'rana',
    groups: ['researcher'],
    projects: [{ project: project.id, roles: ['lead', 'researcher'], since: time }],
  },
  createProject: project,
  listProjects: { items: [project] },
  showProject: project,
  retryProject: project,
  addMember: member,
  removeMember: { ...member, roles: [], removedAt: time, removedBy: 'otto' },
  listMembers: { items: [member] },
  showMemberHistory: {
    items: [{ change: 'added', roles: ['lead'], by: 'o-1', byName: 'olga', at: time, reason: long }],
  },
  ...deliverySamples,
  importAccess: accessSample,
  openEnclaveUpload: { ...accessSample, prefix: 'data/enclaves/classifier.pack' },
  ...imageSamples,
  ...batchSamples,
  draftRequest: request,
  editRequest: request,
  submitRequest: request,
  withdrawRequest: request,
  showRequest: request,
  releaseRequest: request,
  revokeRequest: request,
  resumeRequest: request,
  reissueReview: request,
  reviewRequest: request,
  returnRequest: request,
  listRequests: { items: [summary] },
  listQueue: { items: [summary] },
  listFiles: {
    items: [{ path, size: 1234, sha256, versionId: 'v-17', kind: 'table', type: 'text/csv', group: 0 }],
  },
  showChecks: {
    items: [
      {
        path,
        sha256,
        type: 'text/csv',
        policy: 'p-1',
        findings: [{ ...finding, count: 5 }],
        ran: ['sdc.minimum-count'],
        rows: 120,
        cells: 480,
      },
    ],
  },
  showSettings: shownSettings,
  changeSettings: shownSettings,
  listSettings: {
    items: [{ settings: { quorum: 2 }, differences, by: 'o-1', byName: 'olga', reason: long, at: time }],
  },
  listTrail: {
    items: [
      {
        at: time,
        round: 1,
        name: 'FileViewed',
        by: 'v-1',
        byName: 'vera',
        message: 'The list of files.',
        path,
        details: { rows: 200 },
        to: [{ id: 'v-2', name: 'viktor' }],
      },
    ],
  },
  listRounds: { items: [{ round: 1, seal, votes: [vote], outcome: 'returned', at: time }] },
  showSigningKey: {
    keyId: 'arn:aws:kms:eu-west-2:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555',
    algorithm: 'ECDSA_SHA_256',
    publicKey: '-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE-----END PUBLIC KEY-----',
    fingerprint: sha256,
    current: true,
  },
  ...datasetSamples,
  ...packageSamples,
  ...enclaveSamples,
  ...workspaceSamples,
  reportCosts: { date: '2026-11-19' },
  listReports: { items: [report] },
  showReport: report,
};
