import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import { makeEncryptedZip } from '../airlock/scans.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, type WatchedCall, watchCalls } from '../faults.ts';
import { selectTrials } from '../trials.ts';
import { openAgreement } from './agreement.ts';
import { addSha256Sums, type DeliveryFiles } from './delivery.ts';
import { signInNewPerson, uploadDeliveryFiles, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();
const lambda = new LambdaClient(cloud.configuration);
const dataset = 'ingest-requests';
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f petra@tayside';
/** What the event of a call of the overdue check has in it, and nobody else's. */
const marker = `ingest-requests-${Date.now()}`;
let [partner, steward]: ApiClient[] = [];
let partnerName = '';
let watches: Awaited<ReturnType<typeof watchCalls>>[] = [];

beforeAll(async () => {
  const groups = ['partner', 'steward'] as const;
  [partner, steward] = await Promise.all(groups.map(group => signInNewPerson(cloud, `requests-${group}`, group)));
  const people = await Promise.all([partner?.ask('showMe'), steward?.ask('showMe')]);
  partnerName = people[0]?.name ?? '';
  watches = await Promise.all(
    [...people.map(person => person?.id ?? ''), partnerName, marker].map(text => watchCalls(cloud, text)),
  );
});
afterAll(async () => {
  for (const watch of watches) await watch.end();
});

/** Repeats what failed through a fault, as a person, AWS Transfer Family or the schedule does. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++)
    try {
      return await call();
    } catch (error) {
      const isRefused = error instanceof ExitError && error.ending === 'refused';
      if (tries === 4 || (isRefused && !error.message.includes('still in progress'))) throw error;
    }
}

async function callFunction(entry: string, payload: object): Promise<unknown> {
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({ MaxItems: 1000 }));
  const name = Functions.find(({ Description }) => Description === `functions/ingest/${entry}.lambda.ts`)?.FunctionName;
  const { FunctionError, Payload } = await lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) }),
  );
  const text = Buffer.from(Payload ?? []).toString('utf8');
  if (FunctionError !== undefined) throw new Error(text);
  return JSON.parse(text);
}

async function deliver(files: DeliveryFiles, status: 'held' | 'awaitingApproval'): Promise<string> {
  const { id } = await (partner as ApiClient).ask('openDelivery', { body: { dataset } });
  await uploadDeliveryFiles(cloud, partner as ApiClient, id, addSha256Sums(files));
  await waitForDelivery(partner as ApiClient, id, undefined, [status]);
  return id;
}

const statusOf = async (delivery: string) => (await partner?.ask('showDelivery', { params: { delivery } }))?.status;
const agreement = { ...openAgreement, datasets: [dataset], acceptance: 'steward' as const };

/** What is asked of the functions of deliveries outside of a check: a preparation, the request, and what is true afterwards. */
const requests: Readonly<
  Record<
    string,
    { prepare?: () => Promise<string>; ask: (id: string) => Promise<unknown>; holds: (id: string) => Promise<unknown> }
  >
> = {
  registerPartner: {
    ask: async () => steward?.ask('registerPartner', { params: { name: partnerName }, body: agreement }),
    holds: async () =>
      expect(await steward?.ask('showPartner', { params: { name: partnerName } })).toMatchObject({
        datasets: [dataset],
      }),
  },
  setPartnerKeys: {
    ask: async () => steward?.ask('setPartnerKeys', { params: { name: partnerName }, body: { keys: [key] } }),
    holds: async () =>
      expect((await steward?.ask('showPartner', { params: { name: partnerName } }))?.keys).toHaveLength(1),
  },
  signIn: {
    // An empty folder makes the sign-in open a delivery.
    prepare: async () => {
      const { items = [] } = (await partner?.ask('listDeliveries')) ?? {};
      for (const { id, status } of items)
        if (status === 'open') await partner?.ask('cancelDelivery', { params: { delivery: id } });
      return '';
    },
    ask: () =>
      callFunction('sign-in', { username: partnerName, protocol: 'SFTP', serverId: 's-1', sourceIp: '127.0.0.1' }),
    holds: async () => undefined,
  },
  setContract: {
    ask: async () =>
      steward?.ask('setContract', {
        params: { dataset },
        body: { resources: [{ path: 'table.csv', schema: { fields: [{ name: 'id' }] } }] },
      }),
    holds: async () => undefined,
  },
  rejectDelivery: {
    prepare: () => deliver({ 'table.csv': 'id\n1\n' }, 'awaitingApproval'),
    ask: async id =>
      steward?.ask('rejectDelivery', { params: { delivery: id }, body: { reason: 'Last year is missing.' } }),
    holds: async id => expect(await statusOf(id)).toBe('rejected'),
  },
  acceptUnscanned: {
    prepare: () =>
      deliver({ 'table.csv': 'id\n1\n', 'locked.dat': makeEncryptedZip({ 'a.csv': Buffer.from('x') }) }, 'held'),
    ask: async id =>
      steward
        ?.ask('acceptUnscanned', { params: { delivery: id }, body: { reason: 'Encrypted by agreement.' } })
        // Then the first call had its effect: the check that it started found the password of the archive.
        .catch(error => {
          if (!/is held for more than a malware scan/.test(error.message)) throw error;
        }),
    holds: id => waitForDelivery(partner as ApiClient, id, undefined, ['held', 'awaitingApproval', 'registered']),
  },
  cancelDelivery: {
    prepare: async () => (await (partner as ApiClient).ask('openDelivery', { body: { dataset } })).id,
    ask: async id => partner?.ask('cancelDelivery', { params: { delivery: id } }),
    holds: async id => expect(await statusOf(id)).toBe('cancelled'),
  },
  overdue: { ask: () => callFunction('overdue', { marker }), holds: async () => undefined },
};

/** Makes a request with the faults, which all happen. Returns the calls of the functions that it asks. */
async function make(name: string, faults: readonly Fault[]): Promise<WatchedCall[]> {
  const request = requests[name];
  const id = (await request?.prepare?.()) ?? '';
  for (const watch of watches) await watch.rearm(faults);
  const answer = await insist(async () => request?.ask(id));
  const runs = await Promise.all(watches.map(watch => watch.calls()));
  for (const watch of watches) await watch.rearm([]);
  if (name === 'signIn') expect(answer).toMatchObject({ PublicKeys: [key.split(' ').slice(0, 2).join(' ')] });
  await request?.holds(id);
  expect([name, faults, runs.some(({ unmet }) => unmet.length === 0)]).toEqual([name, faults, true]);
  return runs.flatMap(({ calls }) => calls);
}

it('whichever AWS call of a request fails, or only its answer is lost, the repeated request has its effect', async () => {
  const trials: { name: string; fault: Fault }[] = [];
  for (const name of Object.keys(requests)) {
    const calls = [...groupCallsByFunction(await make(name, []))].filter(
      ([place]) =>
        place.startsWith('ingest/') &&
        !place.includes(' GET ') &&
        (place.includes('api.') || name === 'signIn' || name === 'overdue'),
    );
    // The overdue check reads all partners: the first call of each kind stands for the others.
    for (const [place, list] of calls)
      for (const { action, nth } of list.toReversed().filter(({ nth: count }) => name !== 'overdue' || count === 1))
        for (const kind of ['error', 'lost'] as const)
          trials.push({ name, fault: { function: place, action, nth, how: kind } });
  }
  expect(new Set(trials.map(({ name }) => name))).toEqual(new Set(Object.keys(requests)));
  // A sample fails one call of every request, and each way once.
  const kindsOf = ({ name, fault }: (typeof trials)[number]) => [name, fault.how];
  for (const { name, fault } of selectTrials('ingest, an AWS call of a request fails', trials, kindsOf))
    await make(name, [fault]);
}, 3_600_000);
