import { describe, expect, it } from 'vitest';
import { formatAnswer } from '../../bin/cli/answer-texts.ts';
import { measureText } from '../../bin/cli/layout.ts';
import { formatBytes, formatCount, formatMicros, formatStatusWords, formatTime } from '../../bin/cli/output.ts';
import { type RouteName, routes } from '../../functions/api/routes.ts';
import { answerSamples } from './answer-samples.ts';

/** Fields that answers leave out on purpose: ids of people whose names are shown, and what only programs need. */
const hiddenFields = new Set(
  'requester requestedBy approvedBy refusedBy rejectedBy endedBy by user owner partner id key versionId delivery prefix check file group sha256 seal type policy'.split(
    ' ',
  ),
);
/** Shown as dollars and cents. */
const batchAmounts = [
  'limitMicros',
  'roomMicros',
  'reservedMicros',
  'spentMicros',
  'expectedMicros',
  'mostMicros',
  'costMicros',
  'hourlyMicros',
  'projectHourlyMicros',
  'limitHourlyMicros',
];
/** Answers that name a thing by fewer of its fields than it has. */
const hiddenFieldsOf: Partial<Record<RouteName, readonly string[]>> = {
  listProjects: ['network', 'cidr', 'readyAt', 'attempt'],
  listDeliveries: ['found'],
  listReports: [
    'projects',
    'others',
    'untaggedMicros',
    'lastWeekMicros',
    'mean',
    'trend',
    'month',
    'edition',
    'collectedAt',
    'sentAt',
    'provisional',
    'currency',
  ],
  ...Object.fromEntries(
    ['requestQueue', 'approveQueue', 'closeQueue', 'listQueues'].map(name => [name, ['place', 'attempt', 'id']]),
  ),
  showBudget: batchAmounts,
  estimateJob: batchAmounts,
  estimateWorkspace: batchAmounts,
  ...Object.fromEntries(
    ['submitJob', 'showJob', 'cancelJob', 'rerunJob', 'runPipeline'].map(name => [
      name,
      [...batchAmounts, 'batchId', 'rank', 'startedAt', 'stoppedAt'],
    ]),
  ),
  listJobs: [
    'log',
    'request',
    'datasets',
    'estimate',
    'batchId',
    'rank',
    'attempts',
    'outputs',
    'reason',
    'endedAt',
    'project',
    ...batchAmounts,
  ],
  // `workspace show` says how to get the published version.
  listWorkspaces: ['failedAt', 'advice'],
  listDatasets: ['version'],
  listVersions: ['version'],
  listCatalogue: ['changedBy', 'changedAt'],
  listProjectUses: ['version', 'newerVersion'],
  listDatasetUses: ['version'],
  proposeEnclaveRun: ['run'],
  showEnclaveRun: ['run', 'approvals'],
  approveEnclaveRun: ['run', 'approvals', 'deadlines'],
  startEnclaveRun: ['run', 'approvals', 'deadlines'],
  // A file to keep and to check.
  showEnclaveEvidence: ['manifest', 'approvals', 'attestation', 'result', 'signature', 'v'],
  refuseEnclaveRun: ['run'],
  // Its manifest is shown in full by `enclave show`.
  listEnclaveRuns: ['manifest', 'approvals'],
  listPartyEnclaveRuns: ['manifest', 'approvals'],
  compareVersions: ['columns', 'columnCount'],
  showSettings: ['settings', 'policy', 'rules', 'before', 'after', 'weaker'],
  changeSettings: ['settings', 'policy', 'rules', 'before', 'after', 'weaker'],
  listSettings: ['settings', 'before', 'after', 'weaker'],
  listMembers: ['addedBy'],
  listTrail: ['round', 'name'],
  showChecks: ['count'],
};
const wordedFields = [
  'verdict',
  'direction',
  'extent',
  'action',
  'row',
  'column',
  'worst',
  'name',
  'conflict',
  'unreachable',
  'versionId',
  'findings',
];

/** What a person must be able to read of an answer: every value in one of the ways that it can be written. */
function* readings(value: unknown, name: RouteName, currency: string, field = ''): Generator<string[]> {
  if (hiddenFields.has(field) || hiddenFieldsOf[name]?.includes(field)) return;
  if (Array.isArray(value)) for (const item of value) yield* readings(item, name, currency, field);
  else if (typeof value === 'object' && value !== null) {
    for (const [part, inner] of Object.entries(value))
      if (!(wordedFields.includes(part) && typeof inner !== 'object')) yield* readings(inner, name, currency, part);
  } else if (typeof value === 'number') yield [formatCount(value), formatBytes(value), String(value)];
  else if (typeof value === 'boolean') yield [value ? 'yes' : 'no'];
  else if (typeof value === 'string')
    yield [
      value,
      formatTime(value),
      formatStatusWords(value),
      ...(/^-?\d+$/.test(value) ? [formatMicros(value, currency)] : []),
    ];
}

const squeeze = (text: string) => text.replaceAll(/\s+/g, '');

describe.each(Object.entries(answerSamples) as [RouteName, object][])('the answer of %s', (name, sample) => {
  const answer = routes[name].returns.parse(sample);

  it.each([60, 100, 200])('fits %i columns, with everything that a person must read', width => {
    const text = formatAnswer(name, answer, { width });
    for (const line of text.split('\n')) expect(measureText(line), line).toBeLessThanOrEqual(width);
    expect(text).not.toMatch(/\[object|undefined|\bnull\b|NaN|[{}]/);
    const squeezed = squeeze(text);
    for (const variants of readings(answer, name, 'USD'))
      expect(
        variants.some(variant => squeezed.includes(squeeze(variant))),
        `${variants.join(' | ')} in\n${text}`,
      ).toBe(true);
  });

  it('is not cut or wrapped without a terminal', () => {
    const text = formatAnswer(name, answer, { width: undefined });
    expect(text).not.toMatch(/…|\[object|undefined/);
  });
});

it('every route that answers people has a sample', () => {
  const programs = ['showApi', 'viewFile', 'openDownload', 'takeDownload', 'downloadFiles', 'downloadPart'];
  const missingNames = (Object.keys(routes) as RouteName[]).filter(
    name => !(name in answerSamples) && !programs.includes(name),
  );
  expect(missingNames).toEqual([]);
});

it('amounts are in the currency of the bill', () => {
  const text = formatAnswer('showReport', routes.showReport.returns.parse(answerSamples.showReport), { width: 100 });
  expect(text).toContain('$1,234.50');
  expect(text).toContain('$22,000.00');
  expect(text).not.toContain('1234500000');
});
