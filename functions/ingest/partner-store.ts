import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { partitions, rowKey } from '../keys.ts';
import { pageRows, readRow } from '../table.ts';
import { PartnerRecord } from './partner-schemas.ts';
import type { PartnerState } from './partners.ts';

const RECORD_PREFIX = 'PARTNER#';
const recordKey = (partner: string) => rowKey('partners', '', `${RECORD_PREFIX}${partner}`);

export const readPartner = (table: string, partner: string) => readRow(table, PartnerRecord, recordKey(partner));

/** All data partners that have an agreement. */
export const pagePartners = (table: string, paging: { limit?: number; next?: string | undefined }) =>
  pageRows(table, PartnerRecord, partitions.partners, { ...paging, prefix: RECORD_PREFIX, ascending: true });

/** Reads the record of a partner, decides, and writes it with its events. */
export function changePartner(
  table: string,
  partner: string,
  decide: (state: PartnerState) => Decision<PartnerState>,
  now: string,
): Promise<Decision<PartnerState>> {
  return changeRows(
    table,
    `partner ${partner}`,
    async () => ({ record: await readPartner(table, partner) }),
    decide,
    ({ state: { record }, events }, read) => [
      ...(record && record !== read.record ? [{ key: recordKey(partner), item: record, read: read.record }] : []),
      ...(events.length > 0 ? [outboxRow(partitions.partners, events, now)] : []),
    ],
  );
}
