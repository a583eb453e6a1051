import { BlockList, isIP, isIPv6 } from 'node:net';
import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { DeliveryOverdue, PartnerKeysSet, PartnerRegistered } from './events.ts';
import type { OverdueDataset, PartnerRecord, PartnerTerms, SshKey } from './partner-schemas.ts';

export interface PartnerState {
  readonly record: PartnerRecord | undefined;
}

export type PartnerCommand =
  | { do: 'register'; partner: string; name: string; terms: PartnerTerms; by: { id: string; name: string } }
  | { do: 'setKeys'; partner: string; name: string; keys: readonly SshKey[]; by: { id: string; name: string } }
  | { do: 'noteOverdue'; overdue: readonly OverdueDataset[] };

/** Decides about the record of a data partner. */
export function decidePartner(state: PartnerState, command: PartnerCommand, now: string): Decision<PartnerState> {
  if (command.do === 'register') return registerPartner(state, command, now);
  return command.do === 'setKeys' ? setKeys(state, command, now) : noteOverdue(state, command, now);
}

function registerPartner(
  { record: previous }: PartnerState,
  { partner, name, terms, by: person }: Extract<PartnerCommand, { do: 'register' }>,
  now: string,
): Decision<PartnerState> {
  if (person.id === partner) throw new Refused('forbidden', 'Nobody registers their own agreement.');
  if (Date.parse(terms.endsAt) <= Date.parse(terms.startsAt))
    throw new Refused('conflict', 'The agreement would end before it begins. Give a later end.');
  const record = {
    name,
    partner,
    ...terms,
    changedBy: person.name,
    changedAt: now,
    overdue: previous?.overdue ?? [],
    keys: previous?.keys ?? [],
  };
  const { agreement, endsAt } = terms;
  const event = { partner, partnerName: name, agreement, endsAt, by: person.id, byName: person.name, at: now };
  return {
    state: { record },
    events: [outgoingEvent(PartnerRegistered, event)],
    reason: 'the agreement was registered',
  };
}

/** The names that the endpoint of AWS Transfer Family takes: https://docs.aws.amazon.com/transfer/latest/userguide/API_CreateUser.html */
const sftpName = /^\w[\w@.-]{2,99}$/;

/** Replaces the keys of a partner. The next sign-in needs one of the new ones. */
function setKeys(
  { record }: PartnerState,
  { partner, name, keys, by: person }: Extract<PartnerCommand, { do: 'setKeys' }>,
  now: string,
): Decision<PartnerState> {
  if (person.id === partner)
    throw new Refused('forbidden', 'Nobody sets their own keys. Ask another data steward or operator.');
  if (!record)
    throw new Refused('conflict', `${name} has no agreement on record. Register it first: broch partner register.`);
  if (!sftpName.test(name))
    throw new Refused(
      'conflict',
      `The user name ${name} cannot sign in by SFTP. A name for SFTP has 3 to 100 characters: letters without accents, digits, _, @, . and -. It does not begin with @, . or -. Create another account for the partner.`,
    );
  const distinctKeys = [...new Map(keys.map(key => [key.fingerprint, key])).values()];
  const fingerprints = distinctKeys.map(({ fingerprint }) => fingerprint);
  const event = { partner, partnerName: name, fingerprints, by: person.id, byName: person.name, at: now };
  return {
    state: { record: { ...record, keys: distinctKeys, changedBy: person.name, changedAt: now } },
    events: [outgoingEvent(PartnerKeysSet, event)],
    reason: 'the keys were replaced',
  };
}

const overdueKey = ({ dataset, dueAt }: OverdueDataset) => `${dataset} ${dueAt}`;

/** Records which deliveries are overdue, and announces each once. */
function noteOverdue(
  state: PartnerState,
  { overdue }: Extract<PartnerCommand, { do: 'noteOverdue' }>,
  now: string,
): Decision<PartnerState> {
  const { record } = state;
  if (!record) return keepState(state, 'the partner has no agreement');
  const previousKeys = new Set(record.overdue.map(overdueKey));
  const additions = overdue.filter(item => !previousKeys.has(overdueKey(item)));
  if (additions.length === 0 && overdue.length === record.overdue.length)
    return keepState(state, 'the same deliveries are overdue as before');
  const { partner, name: partnerName, contact } = record;
  return {
    state: { record: { ...record, overdue: [...overdue] } },
    events: additions.map(({ dataset, dueAt }) =>
      outgoingEvent(DeliveryOverdue, { partner, partnerName, contact, dataset, dueAt, at: now }),
    ),
    reason: 'deliveries became overdue or arrived',
  };
}

const coversDataset = (pattern: string, dataset: string): boolean =>
  pattern.endsWith('*') ? dataset.startsWith(pattern.slice(0, -1)) : pattern === dataset;

function isInNetworks(address: string, networks: readonly string[]): boolean {
  if (!isIP(address)) return false;
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    list.addSubnet(base, Number(bits), isIPv6(base) ? 'ipv6' : 'ipv4');
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Why a partner may not deliver now, or may not deliver this dataset; undefined if they may. */
export function agreementProblem(
  record: PartnerRecord | undefined,
  { dataset, source, now }: { dataset?: string; source?: string; now: string },
): string | undefined {
  if (!record) return 'No agreement of yours is registered. Ask a data steward to register it: broch partner register.';
  const { agreement, startsAt, endsAt, datasets, networks } = record;
  if (Date.parse(now) < Date.parse(startsAt))
    return `Your agreement ${agreement} begins at ${startsAt}. Deliver after that.`;
  if (Date.parse(now) >= Date.parse(endsAt))
    return `Your agreement ${agreement} ended at ${endsAt}. Ask your data steward to renew it.`;
  if (dataset !== undefined && !datasets.some(pattern => coversDataset(pattern, dataset)))
    return `Your agreement ${agreement} does not cover the dataset ${dataset}. It covers: ${datasets.join(', ')}.`;
  if (source !== undefined && networks.length > 0 && !isInNetworks(source, networks))
    return `Your agreement ${agreement} allows deliveries from ${networks.join(', ')} only, and you are at ${source}.`;
  return undefined;
}

const dayMilliseconds = 24 * 3600 * 1000;

/**
 * The datasets of a partner that are overdue: since the last version, or since the beginning of the agreement, more days
 * have passed than were agreed. Patterns count only the datasets that exist.
 */
export function findOverdue(
  record: PartnerRecord,
  deliveries: ReadonlyMap<string, string>,
  now: string,
): OverdueDataset[] {
  const { everyDays, graceDays, startsAt, endsAt, datasets } = record;
  if (everyDays === undefined || Date.parse(now) >= Date.parse(endsAt)) return [];
  const names = new Set([
    ...datasets.filter(pattern => !pattern.endsWith('*')),
    ...[...deliveries.keys()].filter(dataset => datasets.some(pattern => coversDataset(pattern, dataset))),
  ]);
  return [...names].sort().flatMap(dataset => {
    const due = Date.parse(deliveries.get(dataset) ?? startsAt) + everyDays * dayMilliseconds;
    const isOverdue = Date.parse(now) > due + graceDays * dayMilliseconds;
    return isOverdue ? [{ dataset, dueAt: new Date(due).toISOString() }] : [];
  });
}
