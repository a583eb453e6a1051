import * as z from 'zod';
import { Tier } from '../../disclosure/policy.ts';
import { memberGrants, operatorAndMemberGrants, PagingQuery, pageOf, type Route, userGroups } from '../http/route.ts';
import { Sha256 } from '../identifiers.ts';
import { DatasetId, VersionChoice } from '../ingest/schemas.ts';
import { PlainText } from '../plain-text.ts';
import { ProjectId } from '../projects/schemas.ts';
import { DatasetRead } from './access-log.ts';
import { ErasureReceipt } from './receipt.ts';
import { MinimisationRecipe } from './recipe.ts';
import { DatasetOverview, DatasetTerms, DatasetUse, UseId, UsePurpose } from './schemas.ts';

const dataset = z.object({ dataset: DatasetId });
const projectUse = z.object({ project: ProjectId, use: UseId });
/** A text that other people read, of at most so many characters. */
const personText = (length: number) => PlainText.min(1).max(length);
const Reason = z.object({ reason: personText(1000) });
const routeDefaults = { capability: 'datasets', status: 200 } as const;
const owner = [{ group: 'steward' }] as const;

export const datasetsRoutes = {
  governDataset: {
    ...routeDefaults,
    method: 'PUT',
    path: '/datasets/{dataset}/terms',
    cli: 'dataset govern',
    callers: [{ group: 'operator' }, { group: 'steward' }],
    summary: 'Set who owns a dataset, and what projects may use it for and for how long',
    example:
      "dataset govern admissions --owner sam --title 'Hospital admissions' --controller 'Tayside Health' --licence 'DSA 2026-14' --purposes research --tier 2 --days 365",
    params: dataset,
    body: z.object({
      owner: z.string().min(1).max(128).describe('the data steward who decides about it'),
      title: personText(200),
      description: PlainText.max(2000).default('').describe('what researchers should know about the dataset'),
      controller: personText(200).describe('the organisation that is responsible for the data'),
      licence: personText(200).describe('the licence or the agreement'),
      purposes: z.array(UsePurpose).min(1).describe('what projects may use it for'),
      tier: Tier.optional().describe(
        'how sensitive the data are, 1 (least) to 3 (most); left out: as it is, or 2 for a new dataset',
      ),
      days: z.number().int().min(1).max(3650).default(365).describe('the longest use, in days from the request'),
      retainUntil: z.iso.datetime().optional().describe('when the dataset is withdrawn and deleted'),
    }),
    returns: DatasetTerms,
  },
  showDataset: {
    ...routeDefaults,
    method: 'GET',
    path: '/datasets/{dataset}',
    cli: 'dataset show',
    callers: [{ group: 'operator' }, { group: 'steward' }],
    summary: 'Show a dataset: its newest version and its rules',
    example: 'dataset show admissions',
    params: dataset,
    returns: DatasetOverview,
  },
  listCatalogue: {
    ...routeDefaults,
    method: 'GET',
    path: '/catalogue',
    cli: 'dataset catalogue',
    callers: userGroups.filter(group => group !== 'partner').map(group => ({ group })),
    summary: 'List the datasets that projects can ask for, with their rules',
    example: 'dataset catalogue',
    query: PagingQuery,
    returns: pageOf(DatasetTerms),
  },
  withdrawDataset: {
    ...routeDefaults,
    method: 'POST',
    path: '/datasets/{dataset}/withdraw',
    status: 202,
    cli: 'dataset withdraw',
    callers: owner,
    summary: 'Withdraw a dataset for good: no project can read it any longer',
    example: "dataset withdraw admissions --reason 'The data controller ended the agreement.'",
    params: dataset,
    body: Reason,
    returns: DatasetTerms,
  },
  suspendDataset: {
    ...routeDefaults,
    method: 'POST',
    path: '/datasets/{dataset}/suspend',
    cli: 'dataset suspend',
    callers: [{ group: 'operator' }, ...owner],
    summary: 'Take a dataset away from all projects until it is resumed',
    example: "dataset suspend admissions --reason 'A column is under investigation.'",
    params: dataset,
    body: Reason,
    returns: DatasetTerms,
  },
  resumeDataset: {
    ...routeDefaults,
    method: 'POST',
    path: '/datasets/{dataset}/resume',
    cli: 'dataset resume',
    callers: owner,
    summary: 'Give a suspended dataset back to the projects that were allowed to use it',
    example: 'dataset resume admissions',
    params: dataset,
    returns: DatasetTerms,
  },
  showReceipt: {
    ...routeDefaults,
    method: 'GET',
    path: '/datasets/{dataset}/receipt',
    cli: 'dataset receipt',
    callers: [{ group: 'operator' }, ...owner],
    summary: 'Show the signed receipt of a deleted dataset: every object version that is gone',
    example: 'dataset receipt admissions',
    params: dataset,
    returns: ErasureReceipt,
  },
  showAccessLog: {
    ...routeDefaults,
    method: 'GET',
    path: '/datasets/{dataset}/access-log',
    cli: 'dataset access-log',
    callers: [{ group: 'operator' }, ...owner],
    summary: 'List who read which file of your dataset on a day, as S3 logged it some hours later',
    example: 'dataset access-log admissions --day 2026-11-28',
    params: dataset,
    query: z.object({
      day: z.iso.date().describe('the day, in UTC'),
      next: z
        .string()
        .max(100)
        .regex(/^[-0-9A-Za-z]+$/)
        .optional()
        .describe('the page token of the previous answer'),
    }),
    returns: pageOf(DatasetRead),
  },
  showReceiptLink: {
    ...routeDefaults,
    method: 'POST',
    path: '/datasets/{dataset}/receipt/link',
    cli: 'dataset receipt-link',
    mints: true,
    callers: [{ group: 'operator' }, ...owner],
    summary:
      'Get an address from which the receipt of a deleted dataset can be read for five minutes, however large it is',
    example: 'dataset receipt-link admissions',
    params: dataset,
    returns: z.object({ url: z.string(), sha256: Sha256, expires: z.iso.datetime() }),
  },
  requestUse: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/datasets',
    status: 201,
    cli: 'dataset request',
    callers: [{ group: 'researcher', member: ['lead'] }],
    summary: 'Ask for a version of a dataset for your project, for a purpose and until a date',
    example:
      "dataset request asthma --dataset admissions --purpose research --ends-at 2027-06-30T00:00:00Z --explanation 'Admissions by region.'",
    params: z.object({ project: ProjectId }),
    body: z.object({
      dataset: DatasetId,
      version: VersionChoice.default('latest').describe('the version: its name, the beginning of it, or `latest`'),
      purpose: UsePurpose,
      endsAt: z.iso.datetime().describe('the end of the use'),
      explanation: personText(2000).describe('what the project needs it for'),
      recipe: MinimisationRecipe.optional().describe(
        'the recipe: the columns that the project gets, and what Broch does with each (docs/datasets.md)',
      ),
    }),
    returns: DatasetUse,
  },
  listProjectUses: {
    ...routeDefaults,
    method: 'GET',
    path: '/projects/{project}/datasets',
    cli: 'dataset uses',
    callers: operatorAndMemberGrants,
    summary: 'List the datasets of a project: requested, approved and ended',
    example: 'dataset uses asthma',
    params: z.object({ project: ProjectId }),
    query: PagingQuery,
    returns: pageOf(DatasetUse),
  },
  listDatasetUses: {
    ...routeDefaults,
    method: 'GET',
    path: '/datasets/{dataset}/uses',
    cli: 'dataset requests',
    callers: [{ group: 'operator' }, { group: 'steward' }],
    summary: 'List the uses of a dataset; requests that wait for its owner first',
    example: 'dataset requests admissions',
    params: dataset,
    query: PagingQuery,
    returns: pageOf(DatasetUse),
  },
  approveUse: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/datasets/{use}/approve',
    cli: 'dataset approve',
    callers: owner,
    summary: "Approve a project's use of your dataset",
    example: "dataset approve asthma du-0011223344556677 --conditions 'No linkage to other data.'",
    params: projectUse,
    body: z.object({
      conditions: PlainText.max(2000).default('').describe('what the project must keep to'),
      recipe: Sha256.optional().describe('the SHA-256 of the recipe that you approve, if the request has one'),
    }),
    returns: DatasetUse,
  },
  refuseUse: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/datasets/{use}/refuse',
    cli: 'dataset refuse',
    callers: owner,
    summary: "Refuse a project's use of your dataset",
    example: "dataset refuse asthma du-0011223344556677 --reason 'The ethics approval is missing.'",
    params: projectUse,
    body: Reason,
    returns: DatasetUse,
  },
  endUse: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/datasets/{use}/end',
    cli: 'dataset end',
    callers: [...owner, ...memberGrants],
    summary: 'End the use of a dataset before its time, as its owner or as a lead of the project',
    example: "dataset end asthma du-0011223344556677 --reason 'The analysis is finished.'",
    params: projectUse,
    body: Reason,
    returns: DatasetUse,
  },
} as const satisfies Record<string, Route>;
