const time = '2026-11-20T09:05:07.000Z';
const sha256 = '3f2a91b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70';
const long = 'Counts of hospital admissions for asthma by quarter, region and age band, for Table 2 of the paper';
const path = 'tables/quarterly/admissions-by-region-and-age-band-in-tayside-2026.csv';
const seal = { sha256, key: 'requests/x/1/manifest.json', versionId: 'v1', files: 3, bytes: 1_234_567, sealedAt: time };
const cells = [{ row: 2, column: 3, value: '4' }];
const finding = {
  rule: 'sdc.minimum-count',
  action: 'block',
  message: 'The count 4 is below 10. Combine categories.',
  cells,
};
const vote = {
  verdict: 'return',
  seal: sha256,
  extent: 'part',
  comment: 'Round the counts of the second table to the nearest five.',
  note: 'See the earlier release of May.',
  files: [{ path, file: 1, comment: 'Combine the two smallest regions.' }],
  by: '93df9d47-1111-2222-3333-444455556666',
  name: 'viktor',
  round: 1,
  at: time,
};
const group = {
  name: 'tables',
  kind: 'table',
  purpose: long,
  context: 'Band C is everybody over 85.',
  controls: 'Rounded.',
  paths: ['tables/**/*.csv'],
};
const request = {
  id: 'al-0011223344556677',
  project: 'asthma-tayside',
  title: 'Table 2: admissions by quarter',
  direction: 'export',
  status: 'inReview',
  requester: 'c0747955-1111-2222-3333-444455556666',
  requesterName: 'rana',
  recipient: { id: 'r-9', name: 'rupert' },
  source: 'data/outbox/admissions-by-region/',
  round: 2,
  openedAt: time,
  due: '2026-12-12T04:24:43.490Z',
  reason: 'The release did not finish in time. Release it again.',
  seal,
  quorum: 2,
  conflict: true,
  assignees: [
    { id: 'v-1', name: 'vera' },
    { id: 'v-2', name: 'viktor' },
  ],
  report: {
    key: 'requests/x/1/report.json',
    versionId: 'v1',
    sha256,
    findings: 3,
    worst: 'block',
    first: [{ ...finding, path, file: 1 }],
  },
  fullReport: 'data/reports/al-0011223344556677-2.html',
  comments: [{ comment: vote.comment, files: vote.files }],
  withheld: ['figures/map.png'],
  findings: [{ path, reason: 'No group takes it.' }],
  groups: [group],
  explanation: 'The counts below ten are structural zeros of wards that closed.',
  votes: [vote],
  release: { key: 'released/x/record.json', versionId: 'v1', sha256, files: 3, bytes: 1_234_567 },
};
const summary = {
  id: request.id,
  project: request.project,
  title: request.title,
  direction: 'export',
  requester: request.requester,
  requesterName: 'rana',
  status: 'inReview',
  round: 2,
  openedAt: time,
  due: request.due,
  unreachable: true,
};

/** A request with everything in it that can be, and its parts, for the samples of answers. */
export const requestSamples = { time, sha256, purpose: long, path, seal, finding, vote, request, summary };
