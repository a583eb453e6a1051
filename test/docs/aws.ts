import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  CloudFormationClient,
  DeleteStackCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDisableUserCommand,
  AdminRemoveUserFromGroupCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { DescribeManagedPrefixListsCommand, EC2Client, type Filter } from '@aws-sdk/client-ec2';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { connectTestCloud } from '../cloud.ts';

type Configuration = ReturnType<typeof connectTestCloud>['configuration'];
type Input = Record<string, unknown>;

/** The operations of the AWS CLI that our pages use, as the SDK has them. */
const operations: Record<string, (configuration: Configuration, input: never) => Promise<unknown>> = {
  'cognito-idp admin-create-user': (configuration, input) =>
    new CognitoIdentityProviderClient(configuration).send(new AdminCreateUserCommand(input)),
  'cognito-idp admin-add-user-to-group': (configuration, input) =>
    new CognitoIdentityProviderClient(configuration).send(new AdminAddUserToGroupCommand(input)),
  'cognito-idp admin-remove-user-from-group': (configuration, input) =>
    new CognitoIdentityProviderClient(configuration).send(new AdminRemoveUserFromGroupCommand(input)),
  'cognito-idp admin-disable-user': (configuration, input) =>
    new CognitoIdentityProviderClient(configuration).send(new AdminDisableUserCommand(input)),
  'secretsmanager put-secret-value': (configuration, input) =>
    new SecretsManagerClient(configuration).send(new PutSecretValueCommand(input)),
  'cloudformation update-termination-protection': (configuration, input) =>
    new CloudFormationClient(configuration).send(new UpdateTerminationProtectionCommand(input)),
  'ec2 describe-managed-prefix-lists': (configuration, { Filters }: { Filters: Record<'Name' | 'Values', string>[] }) =>
    new EC2Client(configuration).send(
      new DescribeManagedPrefixListsCommand({
        Filters: Filters.map(({ Name, Values }): Filter => ({ Name, Values: [Values] })),
      }),
    ),
  'cloudformation delete-stack': (configuration, input) =>
    new CloudFormationClient(configuration).send(new DeleteStackCommand(input)),
};

const pascal = (flag: string) => flag.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The values after a flag: none is a switch, `Name=a,Value=b` a structure, `file://` what that file in `folder` holds. */
function value(texts: string[], folder: string): unknown {
  if (texts.some(text => /^\w+=[^=]*,/.test(text)))
    return texts.map(text => Object.fromEntries(text.split(',').map(pair => pair.split(/=(.*)/s).slice(0, 2))));
  const [text] = texts;
  return text?.startsWith('file://') ? readFileSync(join(folder, basename(text)), 'utf8').trimEnd() : text;
}

/** Runs a line for the AWS CLI, which not everybody's machine has, by the same operation of the SDK. */
export async function runAwsLine(
  words: readonly string[],
  configuration: Configuration,
  folder: string,
  preset: Input = {},
) {
  const [service = '', operation = '', ...rest] = words;
  const run = operations[`${service} ${operation}`];
  if (!run) throw new Error(`these tests do not know aws ${service} ${operation}`);
  const input: Input = { ...preset };
  for (let index = 0; index < rest.length; ) {
    const flag = rest[index] ?? '';
    const end = rest.findIndex((word, position) => position > index && word.startsWith('--'));
    const texts = rest.slice(index + 1, end < 0 ? undefined : end);
    if (!flag.startsWith('--')) throw new Error(`${flag} is not a flag`);
    if (texts.length > 0) input[pascal(flag.slice(2))] = value(texts, folder);
    else input[pascal(flag.slice(2).replace(/^no-/, ''))] = !flag.startsWith('--no-');
    index += 1 + texts.length;
  }
  return run(configuration, input as never);
}
