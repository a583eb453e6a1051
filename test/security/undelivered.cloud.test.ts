import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { pauseSince } from '../pause.ts';
import { selectTrials } from '../trials.ts';
import { listReferences, readDeployedStacks } from './deployed.ts';

const cloud = connectTestCloud();
const estate = await readDeployedStacks(cloud);
const lambda = new LambdaClient(cloud.configuration);
const queues = new SQSClient(cloud.configuration);
const s3 = new S3Client(cloud.configuration);

interface Undelivered {
  readonly requestPayload: { detail?: { object?: { key: string } } };
  readonly requestContext: { condition: string };
  readonly responseContext: { functionError: string };
}

/** The message that `is` it, taken out of the queue; others' stay for them. */
async function receiveMessage(QueueUrl: string, matches: (message: Undelivered) => boolean): Promise<Undelivered> {
  for (const start = Date.now(); Date.now() < start + 110_000; await pauseSince(start)) {
    const { Messages = [] } = await queues.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
    );
    for (const { Body = '', ReceiptHandle } of Messages) {
      const message = JSON.parse(Body);
      if (!matches(message)) continue;
      await queues.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      return message;
    }
  }
  throw new Error('it never came to the queue');
}

/** Every function that a rule calls, and where what it failed on is kept. */
const functionQueues = estate.declared('AWS::Lambda::EventInvokeConfig').map(([, { Properties }]) => ({
  name: estate.id(listReferences(Properties.FunctionName)[0]),
  queue: estate.id(listReferences((Properties.DestinationConfig as { OnFailure: unknown }).OnFailure)[0]),
}));

// One construct gives every function its queue (lib/core.ts), so a sample takes one function of each stack.
const stackOf = ({ name }: (typeof functionQueues)[number]) => [name.split('-').slice(0, 3).join('-')];
const sample = selectTrials('undelivered events of a function', functionQueues, stackOf);

describe('an event on which a function fails', () => {
  it.each(sample)('is kept in the dead-letter queue of $name', async ({ name, queue }) => {
    const event = { source: 'sec', detail: { object: { key: `sec-${Math.random()}` } } };
    await lambda.send(
      new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: JSON.stringify(event) }),
    );
    const { detail } = event;
    const message = await receiveMessage(
      queue,
      message => message.requestPayload.detail?.object?.key === detail.object.key,
    );
    expect(message).toMatchObject({
      requestPayload: event,
      requestContext: { condition: 'RetriesExhausted' },
      responseContext: { functionError: 'Unhandled' },
    });
  });

  it('is kept in the dead-letter queue if EventBridge delivered it', async () => {
    const { queue = '' } = functionQueues.find(({ name }) => name.includes('WorkspacesReport')) ?? {};
    // Named like a project's, so that its events reach the function; no workspace has the instance that reports there.
    const Bucket = `broch-local-${cloud.account}-sec-report`;
    const Key = 'agents/AROAQWERTYUIOPASDFGH:i-0a0a0a0a0a0a0a0b0/ready.json';
    await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-2' } }));
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: { EventBridgeConfiguration: {} },
      }),
    );
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: '{"password":"correct horse battery"}' }));
    const message = await receiveMessage(queue, message => message.requestPayload.detail?.object?.key === Key);
    expect(message.requestContext.condition).toBe('RetriesExhausted');
  });
});
