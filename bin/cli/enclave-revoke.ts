import * as z from 'zod';
import { revokeRun } from '../../functions/enclaves/party-approval.ts';
import { enclavesRoutes } from '../../functions/enclaves/routes.ts';
import { defineCommand } from './commands.ts';
import { askPartyKms, openPartyKms, readPartyRun } from './enclave-party.ts';
import { formatCount } from './output.ts';

const openStatuses: ReadonlySet<string> = new Set(['proposed', 'authorised', 'running']);

export const enclaveRevokeCommand = defineCommand({
  words: ['enclave', 'revoke'],
  summary: 'Take your approval of an enclave run back: revoke the grants of your key, and refuse the run',
  notes: [
    'Uses your own AWS credentials for kms:RevokeGrant first, so that the enclave gets no key from then on whatever Broch',
    'does, and your sign-in to refuse the run, which ends it. A run that has ended is only left without grants.',
  ],
  examples: ["enclave revoke asthma er-0011223344556677 --reason 'The agreement ended.'"],
  params: enclavesRoutes.refuseEnclaveRun.params,
  flags: enclavesRoutes.refuseEnclaveRun.body.extend({
    reason: z.string().min(1).max(1000).describe('why, for the record'),
  }),
  async run({ params, flags: { reason } }, context) {
    const api = context.api();
    const { run, objects } = await readPartyRun(api, params);
    let count = 0;
    for (const key of new Set(objects.map(({ kmsKey }) => kmsKey)))
      count += await askPartyKms('kms:RevokeGrant', () => revokeRun(openPartyKms(key), key, run.id));
    const { status } = openStatuses.has(run.status)
      ? await api.ask('refuseEnclaveRun', { params, body: { reason } })
      : run;
    context.result(
      { ok: true, revoked: count, status },
      `${formatCount(count)} ${count === 1 ? 'grant was' : 'grants were'} revoked; the run ${run.id} is ${status}.`,
    );
    return 'ok';
  },
});
