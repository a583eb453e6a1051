import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { DatasetVersion } from '../ingest/schemas.ts';
import { partitions, rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { pageRows, type Row, readRow } from '../table.ts';
import type { UseState } from './datasets.ts';
import { DatasetTerms, DatasetUse, ProjectGrants } from './schemas.ts';
import type { TermsState } from './terms.ts';

type Paging = { readonly limit?: number; readonly next?: string | undefined };

const termsKey = (dataset: string) => rowKey('terms', dataset);
/** A second row for each dataset with rules, for the catalogue. */
const catalogueKey = (dataset: string) => rowKey('catalogue', '', dataset);
const USE_PREFIX = 'USE#';
const useKey = (project: string, id: string) => rowKey('use', project, `${USE_PREFIX}${id}`);
const grantsKey = (project: string) => rowKey('use', project, 'GRANTS');
/** A second row for each use, for the dataset's owner. Requests wait for a decision, so they sort first. */
const datasetUseKey = ({ dataset, status, id }: Pick<DatasetUse, 'dataset' | 'status' | 'id'>) =>
  rowKey('datasetUses', dataset, `${openRank(status)}#${id}`);
const openRank = (status: DatasetUse['status']) => ({ requested: 3, approved: 2, ended: 1, refused: 1 })[status];

export const readTerms = (table: string, dataset: string) => readRow(table, DatasetTerms, termsKey(dataset));

export const readUse = (table: string, project: string, id: string) => readRow(table, DatasetUse, useKey(project, id));

export const readGrants = (table: string, project: string): Promise<Row<ProjectGrants> | undefined> =>
  readRow(table, ProjectGrants, grantsKey(project));

/** Reads the rules of a dataset, decides, and writes them with their events. */
export function changeTerms(
  table: string,
  dataset: string,
  decide: (state: TermsState) => Decision<TermsState>,
  now: string,
): Promise<Decision<TermsState>> {
  return changeRows(
    table,
    `dataset ${dataset}`,
    async () => ({ dataset, terms: await readTerms(table, dataset) }),
    decide,
    ({ state: { terms }, events }, read) => [
      ...(terms && terms !== read.terms
        ? [
            { key: termsKey(dataset), item: terms, read: read.terms },
            { key: catalogueKey(dataset), item: terms },
          ]
        : []),
      ...(events.length > 0 ? [outboxRow(termsKey(dataset).pk, events, now)] : []),
    ],
  );
}

/** Reads a use and the project's grants, decides, and writes both with the events. */
export function changeUse(
  table: string,
  { project, id }: { project: string; id: string },
  decide: (state: UseState) => Decision<UseState> | Promise<Decision<UseState>>,
  now: string,
): Promise<Decision<UseState>> {
  return changeRows(
    table,
    `use ${id}`,
    async () => {
      const [use, row] = await Promise.all([readUse(table, project, id), readGrants(table, project)]);
      return { use, grants: row?.grants ?? [], row };
    },
    decide,
    ({ state, events }, read) => {
      const { use, grants } = state;
      return [
        ...(use && use !== read.use
          ? [
              { key: useKey(project, id), item: use, read: read.use },
              { key: datasetUseKey(use), item: use },
              ...(read.use && datasetUseKey(read.use).sk !== datasetUseKey(use).sk
                ? [{ key: datasetUseKey(read.use), gone: true as const }]
                : []),
            ]
          : []),
        ...(grants === read.grants ? [] : [{ key: grantsKey(project), item: { project, grants }, read: read.row }]),
        ...(events.length > 0 ? [outboxRow(useKey(project, '').pk, events, now)] : []),
      ];
    },
  );
}

/** The uses of a project, the newest first. */
export const pageProjectUses = (table: string, project: string, paging: Paging) =>
  pageRows(table, DatasetUse, useKey(project, '').pk, { ...paging, prefix: USE_PREFIX });

/** The requests of a project that wait for a decision, of its newest hundred uses. */
export async function countWaitingUses(table: string, project: string, now: string): Promise<number> {
  const { items } = await pageProjectUses(table, project, { limit: 100 });
  return items.filter(({ status, endsAt }) => status === 'requested' && Date.parse(endsAt) > Date.parse(now)).length;
}

/** The uses of a dataset: those that wait for a decision first, then the current ones. */
export const pageDatasetUses = (table: string, dataset: string, paging: Paging) =>
  pageRows(table, DatasetUse, rowKey('datasetUses', dataset).pk, paging);

/** The rules of all datasets, by name. */
export const pageCatalogue = (table: string, paging: Paging) =>
  pageRows(table, DatasetTerms, partitions.catalogue, { ...paging, ascending: true });

/** All versions of a dataset. */
export const pageVersions = (table: string, dataset: string, paging: Paging) =>
  pageRows(table, DatasetVersion, rowKey('dataset', dataset).pk, { ...paging, prefix: 'VERSION#' });

/** The newest version of the dataset; undefined before its first. */
export const findNewestOf = (table: string, dataset: string) =>
  readRow(table, DatasetVersion, rowKey('datasets', '', dataset));

/** The version that a person chose: `latest`, or the first characters of its name. Refuses unless it is exactly one. */
export async function findUsableVersion(table: string, dataset: string, choice: string): Promise<DatasetVersion> {
  if (choice === 'latest') {
    const newest = await findNewestOf(table, dataset);
    if (newest) return newest;
    throw new Refused('missing', `There is no dataset ${dataset}. \`broch dataset catalogue\` lists those there are.`);
  }
  const { pk, sk } = rowKey('dataset', dataset, `VERSION#${choice}`);
  const { items } = await pageRows(table, DatasetVersion, pk, { limit: 2, prefix: sk });
  const [version] = items;
  if (!version) throw new Refused('missing', `The dataset ${dataset} has no version ${choice}.`);
  if (items.length > 1)
    throw new Refused('conflict', `Several versions of ${dataset} begin with ${choice}. Give more characters.`);
  return version;
}
