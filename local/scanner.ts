import { randomUUID } from 'node:crypto';
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, PutObjectTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { scanTag } from '../functions/storage/malware-scan.ts';
import type { CloudFacts } from './deployed-cloud.ts';
import { type EngineVerdict, scanBytes } from './malware-engine.ts';
import { clientConfigFor, rootCredentialsFor } from './roles.ts';

export interface Scanner {
  close(): Promise<void>;
}

export interface ScannerOptions {
  /** Objects that are never scanned, for tests of what happens then. */
  readonly skips?: (key: string) => boolean;
  /** Takes a line about each failed scan; the event is delivered again after a while. */
  readonly log?: (line: string) => void;
}

/** An object version to be scanned, from the event of its creation. */
interface Created {
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
  readonly etag: string;
}

/**
 * How many scans run at once: a receive request gives ten events, and the embedded S3 answers that many in parallel.
 */
const lanes = 4;

function createdBy({ Body = '' }: Message): Created {
  const { bucket, object } = JSON.parse(Body).detail;
  return { bucket: bucket.name, key: object.key, version: object['version-id'], etag: object.etag };
}

/** GuardDuty's own event of a result. */
const resultEvent = ({ bucket, key, version, etag }: Created, verdict: EngineVerdict, plan: string) => ({
  Source: 'aws.guardduty',
  DetailType: 'GuardDuty Malware Protection Object Scan Result',
  Resources: [plan],
  Detail: JSON.stringify({
    schemaVersion: '1.0',
    scanStatus: verdict === 'UNSUPPORTED' ? 'SKIPPED' : 'COMPLETED',
    resourceType: 'S3_OBJECT',
    s3ObjectDetails: { bucketName: bucket, objectKey: key, eTag: etag, versionId: version, s3Throttled: false },
    scanResultDetails: {
      scanResultStatus: verdict,
      threats: verdict === 'THREATS_FOUND' ? [{ name: 'EICAR-Test-File' }] : null,
    },
  }),
});

/**
 * Stands in for GuardDuty, which the embedded cloud does not have. A rule of its own on the bucket's events reports
 * each new version in the airlock and in deliveries. The scanner reads and tags the version under the plan's role and publishes the
 * result on the default bus. A queue keeps the events, so that none is lost; listing the bucket instead would cost more
 * with every object.
 */
export async function startScanner(
  facts: CloudFacts,
  { skips = () => false, log = () => {} }: ScannerOptions = {},
): Promise<Scanner> {
  const { account, region, outputs } = facts;
  const aws = clientConfigFor(facts, rootCredentialsFor(account));
  const [events, sqs, sts] = [new EventBridgeClient(aws), new SQSClient(aws), new STSClient(aws)];
  const becomeRole = (role: string | undefined) => async () => {
    const { Credentials: session } = await sts.send(
      new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'GuardDutyMalwareProtection' }),
    );
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration } = session ?? {};
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      ...(Expiration && { expiration: Expiration }),
    };
  };
  // A plan of its own for each bucket, each with its role.
  const plans = [
    { bucket: outputs['data.Sealed'] ?? '', prefix: 'requests/', role: outputs['data.ScanRole'] },
    { bucket: outputs['data.Landing'] ?? '', prefix: 'in/', role: outputs['data.DeliveryScanRole'] },
  ];
  const clients = new Map(
    plans.map(({ bucket, role }) => [bucket, new S3Client({ ...aws, credentials: becomeRole(role) })]),
  );

  const id = randomUUID();
  const rule = `DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3-${id.slice(0, 8)}`;
  const plan = `arn:aws:guardduty:${region}:${account}:malware-protection-plan/${id.replaceAll('-', '').slice(0, 20)}`;
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `guardduty-${id}` }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const EventPattern = JSON.stringify({
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: {
      bucket: { name: plans.map(({ bucket }) => bucket) },
      object: { key: plans.map(({ prefix }) => ({ prefix })) },
    },
  });
  await events.send(new PutRuleCommand({ Name: rule, EventPattern }));
  await events.send(new PutTargetsCommand({ Rule: rule, Targets: [{ Id: 'scan', Arn: Attributes?.QueueArn }] }));

  async function scan(object: Created): Promise<ReturnType<typeof resultEvent>> {
    const s3 = clients.get(object.bucket);
    if (!s3) throw new Error(`${object.bucket} has no plan`);
    const version = { Bucket: object.bucket, Key: object.key, VersionId: object.version };
    const { Body } = await s3.send(new GetObjectCommand(version));
    const verdict = await scanBytes(Body as AsyncIterable<Uint8Array>);
    const Tagging = { TagSet: [{ Key: scanTag, Value: verdict }] };
    await s3.send(new PutObjectTaggingCommand({ ...version, Tagging }));
    return resultEvent(object, verdict, plan);
  }

  /** Scans up to ten objects. The event of a failed scan stays in the queue and is delivered again. */
  async function round(messages: readonly Message[]): Promise<void> {
    const outcomes = await Promise.all(
      messages.map(async message => {
        const version = createdBy(message);
        try {
          return { message, results: skips(version.key) ? [] : [await scan(version)] };
        } catch (error) {
          log(`${version.key} could not be scanned: ${(error as Error).message}`);
          return undefined;
        }
      }),
    );
    const scans = outcomes.filter(scan => scan !== undefined);
    const results = scans.flatMap(scan => scan.results);
    if (results.length > 0) await events.send(new PutEventsCommand({ Entries: results }));
    const Entries = scans.map(({ message: { ReceiptHandle } }, index) => ({ Id: String(index), ReceiptHandle }));
    if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }

  const closing = new AbortController();
  const lane = async () => {
    while (!closing.signal.aborted) {
      const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 });
      try {
        const { Messages = [] } = await sqs.send(receive, { abortSignal: closing.signal });
        await round(Messages);
      } catch (error) {
        if (!closing.signal.aborted) log((error as Error).message);
        await new Promise(resolve => setTimeout(resolve, closing.signal.aborted ? 0 : 200));
      }
    }
  };
  const working = Array.from({ length: lanes }, lane);
  return {
    async close() {
      closing.abort();
      await Promise.all(working);
      // If the embedded cloud has ended already, the rule and the queue ended with it.
      await events.send(new RemoveTargetsCommand({ Rule: rule, Ids: ['scan'] })).catch(() => {});
      await events.send(new DeleteRuleCommand({ Name: rule })).catch(() => {});
      await sqs.send(new DeleteQueueCommand({ QueueUrl })).catch(() => {});
      for (const client of [events, sqs, sts, ...clients.values()]) client.destroy();
    },
  };
}
