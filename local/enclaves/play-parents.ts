import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import * as z from 'zod';
import { expectedPcr3 } from '../../functions/enclaves/manifest.ts';
import { orderKey } from '../../functions/enclaves/schemas.ts';
import type { LoaderMeasurements } from '../../functions/images/schemas.ts';
import { assumeInstanceRole, readInstanceRole } from '../agent.ts';
import type { CloudFacts } from '../deployed-cloud.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { readAuthority } from './authority-file.ts';
import { measureLoader } from './build-loader.ts';
import { toPem } from './certificates.ts';
import { EmulatedKms } from './emulated-kms.ts';
import { type EnclaveAnswer, runEnclave } from './enclave-machine.ts';
import { issueLeaf } from './hypervisor.ts';
import { issueKmsCertificates } from './kms-certificates.ts';
import { serveKmsFront } from './kms-front.ts';

/** What the played hypervisor shall do with a run that is not as it should be. */
export interface PlayedEnclave {
  /** Debug mode: the registers of the image are zero. */
  readonly debug?: boolean;
  /** Another image than the loader. */
  readonly otherImage?: boolean;
  /** What happens after the instance is there and before the enclave starts. */
  readonly before?: () => Promise<void>;
}

export interface ParentOptions {
  readonly signal: AbortSignal;
  readonly plays?: (run: string) => PlayedEnclave;
  readonly log?: (line: string) => void;
}

export interface EnclaveStage {
  /** KMS with `Recipient`, for the parties too: its address, and the root of its certificate. */
  readonly kms: { readonly endpoint: string; readonly root: string; readonly upstream: EmulatedKms };
  readonly measurements: LoaderMeasurements;
  close(): Promise<void>;
}

const Order = z.object({
  manifest: z.string(),
  keys: z.record(z.string(), z.string()),
  objects: z.record(z.string(), z.string()),
});

const tagOf = ({ Tags = [] }: Instance, name: string) => Tags.find(({ Key }) => Key === name)?.Value ?? '';
type ReportName = keyof EnclaveAnswer | 'heartbeat';

/**
 * Stands in for the instances beside enclaves, which the embedded cloud starts without a machine. For each new one it runs
 * the real loader and the real parent as processes, with the rights of the instance, and reports as the agent on the image
 * does. KMS's front is the only way to a key.
 */
export async function playParents(
  facts: CloudFacts,
  { signal, plays = () => ({}), log = () => {} }: ParentOptions,
): Promise<EnclaveStage> {
  const hypervisor = clientConfigFor(facts, rootCredentialsFor(facts.account));
  const [ec2, iam, sts] = [new EC2Client(hypervisor), new IAMClient(hypervisor), new STSClient(hypervisor)];
  const authority = readAuthority(facts.authority);
  const upstream = new EmulatedKms(facts);
  const { root, tls } = issueKmsCertificates(facts.region);
  const measurements = measureLoader();
  const front = await serveKmsFront({
    upstream,
    roots: [toPem(authority.root.certificate)],
    tls,
    log: line => log(`kms: ${line}`),
  });
  const startedIds = new Set<string>();

  async function listParents(): Promise<Instance[]> {
    const filters = [
      { Name: 'tag-key', Values: ['broch:enclave'] },
      { Name: 'instance-state-name', Values: ['pending', 'running'] },
    ];
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters: filters }));
    return Reservations.flatMap(({ Instances = [] }) => Instances).filter(instance => tagOf(instance, 'broch:enclave'));
  }

  const registers = (roleArn: string, { debug, otherImage }: PlayedEnclave) => {
    const image = [measurements.pcr0, measurements.pcr1, measurements.pcr2].map(hex => Buffer.from(hex, 'hex'));
    const values = debug
      ? image.map(() => Buffer.alloc(48))
      : otherImage
        ? image.map(() => Buffer.alloc(48, 1))
        : image;
    return new Map<number, Uint8Array>([
      ...values.map((value, index): [number, Uint8Array] => [index, value]),
      [3, Buffer.from(expectedPcr3(roleArn), 'hex')],
    ]);
  };

  async function runParent(instance: Instance): Promise<void> {
    const run = tagOf(instance, 'broch:enclave');
    const play = plays(run);
    const roleArn = await readInstanceRole(iam, instance);
    const credentials = await assumeInstanceRole({ iam, sts }, instance);
    upstream.sessions.set(credentials.accessKeyId, {
      secretAccessKey: credentials.secretAccessKey,
      principal: roleArn,
    });
    const s3 = new S3Client(clientConfigFor(facts, credentials));
    const Bucket = tagOf(instance, 'broch:bucket');
    const read = async (Key: string) =>
      (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToByteArray()) ?? new Uint8Array();
    const prefix = `agents/${tagOf(instance, 'broch:role')}:${instance.InstanceId}/enclave/`;
    const report = (name: ReportName, Body: Uint8Array | string) =>
      s3.send(new PutObjectCommand({ Bucket, Key: `${prefix}${name}`, Body }));
    const folder = mkdtempSync(join(tmpdir(), 'be-'));
    try {
      await report('heartbeat', '{}');
      await play.before?.();
      const { manifest, keys, objects } = Order.parse(JSON.parse(Buffer.from(await read(orderKey(run))).toString()));
      const contents = await Promise.all(
        Object.entries(objects).map(async ([sha256, key]) => [sha256, await read(key)] as const),
      );
      const trustFile = join(folder, 'trust.pem');
      writeFileSync(trustFile, root);
      const answer = await runEnclave({
        folder,
        manifest,
        session: { credentials, keys },
        objects: Object.fromEntries(contents),
        identity: {
          authority,
          leaf: issueLeaf(authority, Date.now()),
          moduleId: `${instance.InstanceId}-enc0123456789abcdef`,
          pcrs: registers(roleArn, play),
        },
        kmsPort: front.port,
        trustFile,
        signal,
      });
      // The result comes last: who sees it, sees the rest.
      for (const name of ['attestation', 'outputs', 'failure', 'result'] as const)
        if (answer[name] !== undefined) await report(name, answer[name]);
      log(`${run} on ${instance.InstanceId}: ${answer.failure ?? 'sealed'}`);
    } finally {
      s3.destroy();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async function round(): Promise<void> {
    for (const instance of await listParents()) {
      if (signal.aborted || startedIds.has(instance.InstanceId ?? '')) continue;
      startedIds.add(instance.InstanceId ?? '');
      runParent(instance).catch((error: Error) => log(`${instance.InstanceId}: ${error.stack}`));
    }
  }

  const playing = (async () => {
    while (!signal.aborted) {
      await round().catch((error: Error) => signal.aborted || log(error.message));
      await sleep(300, undefined, { signal }).catch(() => {});
    }
  })();
  return {
    kms: { endpoint: `https://localhost:${front.port}`, root, upstream },
    measurements,
    async close() {
      await playing;
      front.server.close();
      upstream.close();
      for (const client of [ec2, iam, sts]) client.destroy();
    },
  };
}
