import * as z from 'zod';
import { buildKeyPolicy, type KeyPolicy, lintKeyPolicy } from '../../functions/enclaves/key-policy.ts';
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
    'Both parties use the same policy, each for a key in its own account. Nobody decrypts with such a key but the attested',
    'loader on the agreed instances, in a run that you approved: no administrator, and not the root of the account.',
    'The policy is printed for `aws kms put-key-policy`. --check reads what `aws kms get-key-policy` gave, and finds what',
    'would open the key to others. The exit code is 3 then.',
  ],
  examples: [
    'enclave keys --pcr0 3b4a… --parent-role arn:aws:iam::000000000000:role/broch-parent --approver-role arn:aws:iam::111122223333:role/approver --admin-role arn:aws:iam::111122223333:role/admin',
    'enclave keys --check policy.json',
  ],
  params: z.object({}),
  flags: z.object({
    pcr0: z
      .array(z.string().regex(/^[0-9a-f]{96}$/, '96 hexadecimal digits'))
      .default([])
      .describe('the measurement of a permitted loader (repeatable)'),
    parentRole: RoleArn.optional().describe('the role of the instances that run enclaves'),
    approverRole: RoleArn.optional().describe('your role that packs files and approves runs'),
    adminRole: RoleArn.optional().describe('your role that manages the key, and cannot use it'),
    check: z.string().min(1).optional().describe('check this policy instead of writing one'),
  }),
  async run({ flags: { check, pcr0, parentRole, approverRole, adminRole } }, context) {
    if (check !== undefined) {
      const problems = lintKeyPolicy(await readPolicy(check));
      context.result(
        { ok: problems.length === 0, problems },
        problems.join('\n') || 'Nobody decrypts with this key but an attested loader in an approved run.',
      );
      return problems.length === 0 ? 'ok' : 'refused';
    }
    if (pcr0.length === 0 || !parentRole || !approverRole || !adminRole)
      throw new ExitError(
        'usage',
        'Give --pcr0, --parent-role, --approver-role and --admin-role, or --check with a file.',
      );
    const policy = buildKeyPolicy({ pcr0, parentRole, approverRole, adminRole });
    const problems = lintKeyPolicy(policy);
    if (problems.length > 0) throw new ExitError('refused', 'This policy would protect nothing.', { errors: problems });
    context.result(policy, JSON.stringify(policy, null, 2));
    return 'ok';
  },
});
