import type * as z from 'zod';
import { type RouteName, type Routes, routes } from '../../functions/api/routes.ts';
import type { CostReport } from '../../functions/costs/costs.ts';
import type { DatasetVersion } from '../../functions/ingest/schemas.ts';
import { formatFileChanges } from './dataset-text.ts';
import { formatEnclaveEvidence, formatEnclaveLoader, formatEnclaveRun, formatEnclaveRuns } from './enclave-text.ts';
import { formatFileReport } from './finding-text.ts';
import { formatImage, formatImageList, formatImageVersion } from './image-text.ts';
import {
  formatBudget,
  formatContainer,
  formatContainers,
  formatEstimate,
  formatJob,
  formatJobs,
  formatQueue,
  formatQueues,
} from './job-text.ts';
import { hangingText, indentedTexts } from './layout.ts';
import {
  escapeForTerminal,
  fitColumns,
  formatBytes,
  formatCount,
  formatMicros,
  formatRecord,
  formatRecords,
  formatStatusWords,
  formatTime,
  type OutputScreen,
} from './output.ts';
import { formatPackages } from './package-text.ts';
import { formatRequest, formatRequestList } from './request-text.ts';
import { formatSettingsChange, formatSettingsHistory, formatShownSettings } from './settings-text.ts';
import { type OutputShape, pageItemShape, toOutputShape } from './shape.ts';
import { formatRounds, formatTrail } from './trail-text.ts';
import { formatCatalogue, formatUses } from './use-text.ts';
import { formatWorkspaceEstimate, formatWorkspaces } from './workspace-text.ts';

type Answer<Name extends RouteName> = z.output<Routes[Name]['returns']>;
type AnswerTexts = { [Name in RouteName]?: (answer: Answer<Name>, screen: OutputScreen) => string };

/** Versions of datasets. The first twelve characters of a version name it in every command. */
function formatVersions(versions: readonly DatasetVersion[], screen: OutputScreen): string {
  if (versions.length === 0) return 'There are no datasets yet.';
  const rows = versions.map(({ dataset, version, files, bytes, partnerName, registeredAt }) => [
    dataset,
    version.slice(0, 12),
    formatCount(files),
    formatBytes(bytes),
    escapeForTerminal(partnerName),
    formatTime(registeredAt),
  ]);
  const table = fitColumns(
    rows,
    ['dataset', 'version', 'files', 'bytes', 'partner', 'registered'],
    [2, 3],
    screen.width,
  );
  return (
    table ??
    rows
      .map(([dataset = '', version, files, bytes, partner, time]) =>
        [
          hangingText(`${dataset} ${version}`, screen.width),
          indentedTexts([`${files} files, ${bytes}, from ${partner}, ${time}`], screen.width),
        ].join('\n'),
      )
      .join('\n')
  );
}

/** Cost reports with their totals in the currency of the bill. */
function formatCostReports(reports: readonly CostReport[], { width }: OutputScreen): string {
  if (reports.length === 0) return 'There are no cost reports yet. Ask for one: broch cost report';
  return reports
    .map(report => {
      const total = 'totalMicros' in report ? `, ${formatMicros(report.totalMicros, report.currency)}` : '';
      const provisional = 'provisional' in report && report.provisional ? ' (provisional)' : '';
      const reason = 'reason' in report ? `: ${escapeForTerminal(report.reason)}` : '';
      return hangingText(`${report.date}${total}${provisional}, ${formatStatusWords(report.status)}${reason}`, width);
    })
    .join('\n');
}

const itemShapeOf = (name: RouteName): OutputShape =>
  pageItemShape(toOutputShape(routes[name].returns)) ?? { kind: 'unknown' };

/** How the answers of routes read. Routes that are not here are shown by the shape of their schema (output.ts). */
const answerTexts: AnswerTexts = {
  compareVersions: ({ items }, screen) => formatFileChanges(items, screen),
  listDatasets: ({ items }, screen) => formatVersions(items, screen),
  listCatalogue: ({ items }, screen) => formatCatalogue(items, screen),
  proposeEnclaveRun: formatEnclaveRun,
  showEnclaveRun: formatEnclaveRun,
  approveEnclaveRun: formatEnclaveRun,
  refuseEnclaveRun: formatEnclaveRun,
  startEnclaveRun: formatEnclaveRun,
  showEnclaveEvidence: formatEnclaveEvidence,
  showEnclaveLoader: formatEnclaveLoader,
  listEnclaveRuns: ({ items }, screen) => formatEnclaveRuns(items, screen),
  listPartyEnclaveRuns: ({ items }, screen) => formatEnclaveRuns(items, screen),
  listProjectUses: ({ items }, screen) => formatUses(items, screen),
  listDatasetUses: ({ items }, screen) => formatUses(items, screen),
  listVersions: ({ items }, screen) => formatVersions(items, screen),
  listReports: ({ items }, screen) => formatCostReports(items, screen),
  requestQueue: formatQueue,
  approveQueue: formatQueue,
  closeQueue: formatQueue,
  listQueues: ({ items }, screen) => formatQueues(items, screen),
  estimateWorkspace: formatWorkspaceEstimate,
  listWorkspaces: ({ items }, screen) => formatWorkspaces(items, itemShapeOf('listWorkspaces'), screen),
  showBudget: formatBudget,
  requestContainer: formatContainer,
  approveContainer: formatContainer,
  withdrawContainer: formatContainer,
  listContainers: ({ items }, screen) => formatContainers(items, screen),
  estimateJob: formatEstimate,
  submitJob: formatJob,
  showJob: formatJob,
  cancelJob: formatJob,
  rerunJob: formatJob,
  runPipeline: formatJob,
  listJobs: ({ items }, screen) => formatJobs(items, screen),
  listImages: ({ items }, screen) => formatImageList(items, screen),
  showImage: formatImage,
  rollBackImage: formatImage,
  pinImage: formatImage,
  unpinImage: formatImage,
  listPackages: ({ items }, screen) => formatPackages(items, screen),
  requestPackage: (entry, screen) => formatPackages([entry], screen),
  approvePackage: (entry, screen) => formatPackages([entry], screen),
  refusePackage: (entry, screen) => formatPackages([entry], screen),
  revokePackage: (entry, screen) => formatPackages([entry], screen),
  showFindings: formatImageVersion,
  buildImage: formatImageVersion,
  retestImage: formatImageVersion,
  approveImage: formatImageVersion,
  rejectImage: formatImageVersion,
  publishImage: formatImageVersion,
  deprecateImage: formatImageVersion,
  retireImage: formatImageVersion,
  draftRequest: formatRequest,
  editRequest: formatRequest,
  submitRequest: formatRequest,
  withdrawRequest: formatRequest,
  showRequest: formatRequest,
  releaseRequest: formatRequest,
  revokeRequest: formatRequest,
  resumeRequest: formatRequest,
  reissueReview: formatRequest,
  reviewRequest: formatRequest,
  returnRequest: formatRequest,
  listRequests: ({ items }, screen) => formatRequestList(items, screen),
  listQueue: ({ items }, screen) => formatRequestList(items, screen),
  showChecks: ({ items }, screen) =>
    items.length === 0 ? 'Nothing was checked yet.' : items.map(item => formatFileReport(item, screen)).join('\n\n'),
  showSettings: formatShownSettings,
  changeSettings: formatSettingsChange,
  listSettings: ({ items }, screen) => formatSettingsHistory(items, screen),
  listTrail: ({ items }, screen) => formatTrail(items, screen),
  listRounds: ({ items }, screen) => formatRounds(items, screen),
};

/** The text of an answer, if its route has one of its own. */
const ownText = (name: RouteName, answer: unknown, screen: OutputScreen): string | undefined =>
  (answerTexts[name] as ((answer: unknown, screen: OutputScreen) => string) | undefined)?.(answer, screen);

/** The text of an answer for a screen. */
export function formatAnswer(name: RouteName, answer: unknown, screen: OutputScreen): string {
  const text = ownText(name, answer, screen);
  if (text !== undefined) return text;
  const shape = toOutputShape(routes[name].returns);
  const items = pageItemShape(shape);
  return items
    ? formatRecords((answer as { items: Record<string, unknown>[] }).items, items, screen)
    : formatRecord(answer as Record<string, unknown>, shape, screen);
}
