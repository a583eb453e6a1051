import * as z from 'zod';
import { buildKeyPolicy, type KeyPolicy, lintKeyPolicy } from '../../functions/enclaves/key-policy.ts';
import { buildOutputsPolicy, lintOutputsPolicy } from '../../functions/enclaves/outputs-policy.ts';
import { readTextFile } from './airlock-tree.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';

const RoleArn = z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/, 'the ARN of an IAM role');
const PolicyFile = z.object({
  Version: z.literal('2012-10-17'),
  Statement: z.array(z.looseObject({ Effect: z.enum(['Allow', 'Deny']) })).min(1),
});

async function readPolicy(file: string): Promise<KeyPolicy> {
  let json: unknown;
  try {
    json = JSON.parse(await readTextFile(file));
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw new ExitError('usage', `--check: ${file} is no JSON.`);
  }
  const policy = PolicyFile.safeParse(json);
  if (!policy.success) throw new ExitError('usage', `--check: ${file} is no key policy.`);
  return policy.data as unknown as KeyPolicy;
}

export const enclaveKeysCommand = defineCommand({
  words: ['enclave', 'keys'],
  summary: 'Write the policy of a key for enclave runs, or check the policy that a key has',
  notes: [
    'Both parties use the same policy, each for a key in its own account. Only the attested loader on the agreed instances',
    'decrypts with such a key, in a run that you approved: no administrator can, and not the root of the account.',
    'With --opener-role it is the policy of the key for outputs: the loader encrypts with it, and only that function of the',
    'operator, which brings outputs to the airlock, decrypts. Your operator tells you the roles, `broch enclave loader` PCR0.',
    'The policy is printed for `aws kms put-key-policy`. --check reads what `aws kms get-key-policy` gave, and finds what',
    'would open the key to others. The exit code is 3 then.',
  ],
  examples: [
    'enclave keys --pcr0 3b4a… --parent-role arn:… --approver-role arn:… --admin-role arn:… --auditor-role arn:…',
    'enclave keys --check policy.json',
  ],
  params: z.object({}),
  flags: z.object({
    pcr0: z
      .array(z.string().regex(/^[0-9a-f]{96}$/, '96 hexadecimal digits'))
      .default([])
      .describe('the measurement of a permitted loader'),
    parentRole: RoleArn.optional().describe('the role of the instances that run enclaves'),
    approverRole: RoleArn.optional().describe('your role that packs files and approves runs'),
    adminRole: RoleArn.optional().describe('your role that manages the key, and cannot use it'),
    auditorRole: RoleArn.optional().describe('the role that reads this policy before each run'),
    openerRole: RoleArn.optional().describe('the function that brings outputs to the airlock: for the key of outputs'),
    check: z.string().min(1).optional().describe('check this policy instead of writing one'),
  }),
  async run({ flags: { check, pcr0, parentRole, approverRole, adminRole, auditorRole, openerRole } }, context) {
    if (check !== undefined) {
      const present = await readPolicy(check);
      const problems = openerRole === undefined ? lintKeyPolicy(present) : lintOutputsPolicy(present, openerRole);
      context.result(
        { ok: problems.length === 0, problems },
        problems.join('\n') || 'Only an attested loader decrypts with this key, in an approved run.',
      );
      return problems.length === 0 ? 'ok' : 'refused';
    }
    if (pcr0.length === 0 || !parentRole || !adminRole || !auditorRole || (!approverRole && !openerRole))
      throw new ExitError(
        'usage',
        'Give --pcr0, --parent-role, --admin-role, --auditor-role and either --approver-role or, for the key of outputs, --opener-role. Or give --check with a file.',
      );
    const roles = { pcr0, parentRole, adminRole, auditorRole };
    const policy =
      openerRole === undefined
        ? buildKeyPolicy({ ...roles, approverRole: approverRole ?? '' })
        : buildOutputsPolicy({ ...roles, openerRole });
    const problems = openerRole === undefined ? lintKeyPolicy(policy) : lintOutputsPolicy(policy, openerRole);
    if (problems.length > 0) throw new ExitError('refused', 'This policy would protect nothing.', { errors: problems });
    context.result(policy, JSON.stringify(policy, null, 2));
    return 'ok';
  },
});
