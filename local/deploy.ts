import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cdkCommandLine, quietCdkEnvironment, runProgram } from './assembly.ts';
import type { EmbeddedCloud } from './cloud.ts';

/** The stacks' outputs by their short names, as `api.Url`. */
export type StackOutputs = Readonly<Record<string, string>>;

/**
 * The root credentials of an account of the embedded cloud: the access key is the account's number. Only the deploy
 * uses them.
 */
export const rootEnvironmentFor = (account: string) => ({
  AWS_ACCESS_KEY_ID: account,
  AWS_SECRET_ACCESS_KEY: 'embedded',
});

/** Bootstraps an account and deploys an assembly into it with the real CDK CLI. */
export async function deployAssembly(
  cloud: EmbeddedCloud,
  assembly: string,
  account: string,
  line: (text: string) => void = () => {},
): Promise<StackOutputs> {
  const env = {
    ...process.env,
    ...cloud.environment,
    ...quietCdkEnvironment,
    ...rootEnvironmentFor(account),
    AWS_PROFILE: undefined,
  };
  const outputs = join(assembly, `outputs-${account}.json`);
  await runProgram(cdkCommandLine('bootstrap', `aws://${account}/${cloud.region}`, '--app', assembly), env, line);
  await runProgram(
    cdkCommandLine(
      'deploy',
      '--all',
      '--app',
      assembly,
      '--require-approval',
      'never',
      '--method',
      'direct',
      '--outputs-file',
      outputs,
      '--progress',
      'events',
    ),
    env,
    line,
  );
  const stacks = JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Record<string, string>>;
  return Object.fromEntries(
    Object.entries(stacks).flatMap(([stack, values]) =>
      Object.entries(values).map(([name, value]) => [`${stack.split('-').at(-1)}.${name}`, value]),
    ),
  );
}
