import type { ListedFile } from '../../../functions/airlock/overview-page.ts';
import type { RequestView } from '../../../functions/airlock/request/request-view.ts';
import { buildBlockReport } from './pages.ts';

/** A request in review, in which somebody wrote `said` wherever they could. */
export const buildPreviewRequest = (words = 'For the paper.'): RequestView => ({
  id: 'al-0011223344556677',
  project: 'asthma',
  title: words,
  direction: 'export',
  status: 'inReview',
  requester: 'u-rana',
  requesterName: words,
  source: 'data/outbox/t/',
  round: 2,
  openedAt: '2026-11-01T09:00:00.000Z',
  due: '2026-11-08T09:00:00.000Z',
  seal: {
    sha256: 'ab'.repeat(32),
    key: 'k',
    versionId: 'v',
    files: 3,
    bytes: 4200,
    sealedAt: '2026-11-01T09:05:00.000Z',
  },
  quorum: 2,
  groups: [
    { name: words, kind: 'table', purpose: words, context: `${words}\n${words}`, controls: '', paths: ['**'] },
    { name: 'Figures', kind: 'figure', purpose: 'p', context: '', controls: 'c', paths: ['**'] },
  ],
  explanation: words,
  votes: [
    {
      verdict: 'return',
      seal: 'ab'.repeat(32),
      comment: words,
      note: words,
      files: [{ path: words, file: 1, comment: words }],
      by: 'u',
      name: words,
      round: 2,
      at: '2026-11-02T09:00:00.000Z',
    },
  ],
});
/** Its files: one clean, one blocked, one that was not fetched. */
export const buildPreviewFiles = (words = 'tables/one.csv'): ListedFile[] => [
  {
    path: 'clean.csv',
    size: 1200,
    sha256: '1'.repeat(64),
    kind: 'table',
    type: 'text/csv',
    group: 0,
    page: 'files/00001.html',
    truncated: true,
    report: { ...buildBlockReport([]), findings: [] },
  },
  {
    path: words,
    size: 900,
    sha256: '2'.repeat(64),
    kind: 'table',
    type: words,
    group: 0,
    page: 'files/00002.html',
    truncated: false,
    report: buildBlockReport([[2, 2, '3']]),
  },
  { path: 'figure.png', size: 2100, sha256: '3'.repeat(64), kind: 'figure', type: 'image/png', group: 1 },
];
