import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAssembly } from './assembly.ts';
import { type EmbeddedCloud, repositoryRoot, startCloud } from './cloud.ts';
import { deployAssembly, type StackOutputs } from './deploy.ts';
import { writeAuthority } from './enclaves/authority-file.ts';
import { findFreePort } from './free-port.ts';

/** Everything that another process needs to use a deployed embedded cloud, as plain data. */
export interface CloudFacts {
  readonly endpoint: string;
  readonly plain: string;
  readonly moto: string;
  readonly ca: string;
  readonly certificateKey: string;
  readonly log: string;
  readonly account: string;
  readonly region: string;
  /** The API's address on the embedded cloud, without a slash at the end. */
  readonly api: string;
  readonly outputs: StackOutputs;
  /** The synthesised app, for deploying it into further accounts. */
  readonly assembly: string;
  /** The file with the root of enclaves, for who plays hypervisor and KMS. */
  readonly authority: string;
  readonly ports: { readonly gateway: number; readonly inbox: number; readonly sftp: number };
  readonly environment: Readonly<Record<string, string>>;
}

export interface DeployedCloud {
  readonly cloud: EmbeddedCloud;
  readonly facts: CloudFacts;
  /** Resource types and condition keys that were left out because the emulator does not support them. */
  readonly omissions: readonly string[];
  close(): Promise<void>;
}

export interface DeployCloudOptions {
  readonly folder: string;
  readonly account: string;
  readonly waits?: number;
  /** How many Lambdas may run at once. */
  readonly concurrency?: number;
  /** For tests: calls can be made to fail. */
  readonly faults?: boolean;
  /** For benches: every call is recorded, as CloudTrail would. */
  readonly trail?: boolean;
  readonly region?: string;
  readonly onProgress?: (line: string) => void;
  /** Called as soon as the embedded cloud must be closed, which is before the deploy ends. */
  readonly onOpen?: (estate: Pick<DeployedCloud, 'cloud' | 'close'>) => void;
}

/** Where the embedded cloud serves an API that AWS would serve at `url`. */
const toEmbeddedApiUrl = (endpoint: string, url: string): string => {
  const { hostname, pathname } = new URL(url);
  return `${endpoint}/_aws/execute-api/${hostname.split('.')[0]}${pathname.replace(/\/$/, '')}`;
};

/** Starts an embedded cloud and deploys the whole app into one of its accounts. */
export async function deployCloud({
  folder,
  account,
  waits = 1,
  concurrency,
  faults = false,
  trail = false,
  region = 'eu-west-2',
  onProgress = () => {},
  onOpen = () => {},
}: DeployCloudOptions): Promise<DeployedCloud> {
  onProgress('starting the embedded cloud');
  const cloud = await startCloud({
    folder,
    region,
    waits,
    faults,
    trail,
    ...(concurrency !== undefined && { concurrency }),
  });
  onOpen({ cloud, close: () => cloud.stop() });
  try {
    const ports = { gateway: await findFreePort(), inbox: await findFreePort(), sftp: cloud.sftp };
    const config = JSON.parse(await readFile(join(repositoryRoot, 'local/config.json'), 'utf8'));
    config.workspaces.gateway = `https://127.0.0.1:${ports.gateway}/enter`;
    const authority = join(folder, 'enclave-authority.json');
    config.enclaves = { roots: [writeAuthority(authority).rootPem] };
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(config, null, 2));
    onProgress('synthesising the CDK app');
    const assembly = join(folder, 'cdk.out');
    const { omissions } = await buildAssembly(file, assembly);
    onProgress('deploying with the CDK CLI');
    const outputs = await deployAssembly(cloud, assembly, account, onProgress);
    const { endpoint, plain, moto, ca, certificateKey, log, environment } = cloud;
    const api = toEmbeddedApiUrl(endpoint, outputs['api.Url'] ?? '');
    const facts = {
      endpoint,
      plain,
      moto,
      ca,
      certificateKey,
      log,
      environment,
      account,
      region,
      api,
      outputs,
      assembly,
      ports,
      authority,
    };
    return { cloud, facts, omissions, close: () => cloud.stop() };
  } catch (error) {
    await cloud.stop();
    throw error;
  }
}
