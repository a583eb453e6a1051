import type { Delivery } from '../../functions/ingest/schemas.ts';
import type { ApiClient } from './call.ts';
import type { CommandContext } from './commands.ts';
import { ExitError } from './exit.ts';
import { findNearestWord } from './nearest.ts';

/** The names of the datasets that a partner's latest deliveries are for. */
async function listOwnDatasets(api: ApiClient): Promise<string[]> {
  const names = new Set<string>();
  let next: string | undefined;
  for (let page = 0; page < 5; page++) {
    const answer = await api.ask('listDeliveries', { query: { limit: 100, ...(next !== undefined && { next }) } });
    for (const { dataset, status } of answer.items) if (status === 'registered') names.add(dataset);
    next = answer.next;
    if (next === undefined) break;
  }
  return [...names];
}

const isMissing = (error: unknown): boolean => error instanceof ExitError && error.problem.status === 404;

/**
 * Opens a delivery. The first one for a dataset makes the dataset, so a misspelt name would: the partner is asked first, or
 * says so with --new.
 */
export async function openDelivery(
  { dataset, isNew }: { dataset: string; isNew: boolean },
  context: CommandContext,
): Promise<Delivery> {
  const api = context.api();
  try {
    return await api.ask('openDelivery', { body: { dataset, existing: !isNew } });
  } catch (error) {
    if (isNew || !isMissing(error)) throw error;
  }
  const nearest = findNearestWord(dataset, await listOwnDatasets(api));
  const remark = `There is no dataset ${dataset} yet.${nearest ? ` Did you mean ${nearest}?` : ''}`;
  if (!context.ask)
    throw new ExitError('refused', `${remark} Nothing was uploaded. To deliver the first version of it, pass --new.`);
  const answer = await context.ask(`${remark} This is a new dataset: go on? [y/N]`);
  if (!/^y/i.test(answer.trim()))
    throw new ExitError(
      'refused',
      `Nothing was uploaded.${nearest ? ` For the dataset you have: --dataset ${nearest}` : ''}`,
    );
  return api.ask('openDelivery', { body: { dataset } });
}
