import * as z from 'zod';
import { verifyErasureReceipt } from '../../functions/datasets/receipt.ts';
import { readTextFile } from './airlock-tree.ts';
import { resolvePin } from './airlock-verify.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatFields } from './layout.ts';
import { escapeForTerminal, formatBytes, formatCount, formatTime } from './output.ts';

export const datasetVerifyReceiptCommand = defineCommand({
  words: ['dataset', 'verify-receipt'],
  summary: 'Check the receipt of a deleted dataset, offline',
  notes: [
    'Needs no network, no profile and no sign-in. The receipt lists every object version that was deleted.',
    'Save the key once with `broch airlock key`, compare its fingerprint with a colleague, and pass it as --key: without',
    'a key from another source this shows only that nothing has changed since the receipt was signed.',
  ],
  examples: ['dataset verify-receipt admissions.json --key release-key.pem'],
  params: z.object({ file: z.string().min(1).describe('the receipt, as `broch dataset receipt --json` prints it') }),
  flags: z.object({
    key: z.string().min(1).optional().describe('the key to trust: a PEM file, or the SHA-256 fingerprint'),
  }),
  async run({ params: { file }, flags: { key } }, context) {
    const pin = await resolvePin(key);
    const { record, fingerprint, problems } = verifyErasureReceipt(await readTextFile(file), pin);
    if (!record || fingerprint === undefined || problems.length > 0)
      throw new ExitError('refused', `${file} is not a valid receipt of a deletion.`, { errors: [...problems] });
    const size = record.objects.reduce((sum, object) => sum + object.size, 0);
    const fields = formatFields(
      [
        ['dataset', `${record.dataset}, of ${escapeForTerminal(record.controller)}`],
        ['withdrawn', `${formatTime(record.withdrawnAt)} by ${escapeForTerminal(record.withdrawnBy)}`],
        ['reason', escapeForTerminal(record.reason)],
        [
          'deleted',
          `${formatCount(record.objects.length)} object versions, ${formatBytes(size)}, ${formatTime(record.deletedAt)}`,
        ],
        ['signed with', `SHA256:${fingerprint}`],
      ],
      context.width,
    );
    const { objects, ...summary } = record;
    context.result(
      { ok: true, key: { fingerprint, pinned: pin !== undefined }, record: { ...summary, objects: objects.length } },
      `The receipt is valid.\n\n${fields}`,
    );
    return 'ok';
  },
});
