import { CodeBuildClient } from '@aws-sdk/client-codebuild';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { vi } from 'vitest';
import type { connectTestCloud } from '../cloud.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/**
 * Lets code of a function run in this process, as the root of the embedded cloud's account: for what the deployment there
 * does not have. The caller takes the environment back at its end, by `vi.unstubAllEnvs()`.
 */
export function stubFunctionEnvironment(cloud: Cloud, environment: Readonly<Record<string, string>> = {}): void {
  const { accessKeyId, secretAccessKey } = cloud.configuration.credentials;
  const values = {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...environment,
  };
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
}

interface Sender {
  readonly prototype: { send: (...input: never[]) => unknown };
}

/**
 * Lets the next call of this name fail whose input names one of the subjects, until `vi.restoreAllMocks()`. All other calls
 * are sent. The faults of test/faults.ts are for deployed functions only.
 */
export function failOnce(name: string, subjects: readonly string[]): void {
  let failed = false;
  for (const { prototype } of [CodeBuildClient, DynamoDBClient, EC2Client] as Sender[]) {
    const { send } = prototype;
    vi.spyOn(prototype, 'send').mockImplementation(function (this: unknown, ...input: never[]) {
      const [command] = input as unknown as [{ constructor: { name: string }; input: object }];
      const text = JSON.stringify(command.input);
      if (failed || command.constructor.name !== `${name}Command` || !subjects.some(subject => text.includes(subject)))
        return send.apply(this, input);
      failed = true;
      return Promise.reject(new Error(`a fault on purpose: ${name}`));
    });
  }
}
