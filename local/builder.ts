import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetBuildsCommand, type Build, CodeBuildClient, ListBuildsCommand } from '@aws-sdk/client-codebuild';
import { EC2Client, RegisterImageCommand } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { parse } from '@cdktf/hcl2json';
import { billKey, manifestKey, measurementsKey, readBuildVariables } from '../functions/images/builder.ts';
import type { ImageName, ImageRun } from '../functions/images/schemas.ts';
import { digestRecipe, fillVariables, recipesFolder } from '../lib/recipes.ts';
import type { CloudFacts } from './deployed-cloud.ts';
import { measureLoader } from './enclaves/build-loader.ts';
import { clientConfigFor, rootCredentialsFor } from './roles.ts';

/** What the played parts shall do with an image: what Inspector and GuardDuty find, how its build or smoke tests fail. */
export interface PlayedImage {
  readonly findings?: readonly string[];
  /** As in local/python/guardduty.py: `threat <name>`, `skip <cause>`, `run` or `off`. */
  readonly malware?: string;
  readonly smokeTestFailure?: string;
  readonly buildFailure?: string;
}

export interface BuilderOptions {
  /** What happens to a build. Builds for which it gives nothing are left to somebody else. */
  readonly plays?: (run: ImageRun) => PlayedImage | undefined;
  readonly signal: AbortSignal;
  readonly log?: (line: string) => void;
}

interface BuildVariable {
  readonly name: string;
  readonly value: string;
}

/** The base image that a recipe selects, read from its HCL as Packer would. */
async function readBase(image: ImageName, variables: readonly BuildVariable[]): Promise<string> {
  const folder = join(recipesFolder, image);
  const files = readdirSync(folder).filter(name => name.endsWith('.pkr.hcl'));
  const blocks = await Promise.all(files.map(name => parse(name, readFileSync(join(folder, name), 'utf8'))));
  const sources = blocks.flatMap(block => Object.values(block.source?.['amazon-ebs'] ?? {}).flat()) as {
    encrypt_boot?: boolean;
    source_ami_filter?: { filters: { name: string }[] | { name: string } }[];
  }[];
  const [source] = sources;
  if (sources.length !== 1 || source?.encrypt_boot !== true) throw new Error(`${image} has no encrypted source`);
  const filters = [source.source_ami_filter?.[0]?.filters ?? []].flat();
  const defaults = blocks.flatMap(block =>
    Object.entries((block.variable ?? {}) as Record<string, { default?: string }[]>).map(
      ([name, [declaration]]) => [name, declaration?.default ?? ''] as const,
    ),
  );
  const values = variables.map(({ name, value }) => [name.replace(/^PKR_VAR_/, ''), value] as const);
  return fillVariables(filters[0]?.name ?? 'unknown', Object.fromEntries([...defaults, ...values]));
}

/** The bill of materials of this machine, by the script that images have. Without dpkg or rpm there is nothing to list. */
function writeBill(image: ImageName): string {
  const script = join(recipesFolder, 'shared/linux/bill.py');
  try {
    return execFileSync('python3', ['-I', script, image], { encoding: 'utf8', maxBuffer: 64 << 20, stdio: 'pipe' });
  } catch {
    return JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [] });
  }
}

/**
 * Stands in for CodeBuild and Packer, which the embedded cloud does not have. For each build that was started it reads the
 * recipe with the real parser, compares its digest, writes the real bill of materials of this machine, builds the real loader
 * of enclaves and measures it, registers a machine image without a disk, and publishes the event of the end, all with the
 * rights of the account's root. Resolves when aborted.
 */
export async function playBuilder(
  facts: CloudFacts,
  { plays = () => ({}), signal, log = () => {} }: BuilderOptions,
): Promise<void> {
  const { account, outputs, region } = facts;
  const aws = clientConfigFor(facts, rootCredentialsFor(account));
  const [builds, ec2, events, s3] = [
    new CodeBuildClient(aws),
    new EC2Client(aws),
    new EventBridgeClient(aws),
    new S3Client(aws),
  ];
  const finishedIds = new Set<string>();

  async function packImage(
    run: ImageRun & { recipe: string },
    play: PlayedImage,
    variables: readonly BuildVariable[],
  ): Promise<void> {
    const { image, recipe } = run;
    if (digestRecipe(image) !== recipe) throw new Error('the recipe is not the one that was to be built');
    if (play.buildFailure) throw new Error(play.buildFailure);
    const tags = {
      'broch:image': image,
      'broch:recipe': recipe,
      'broch:base': await readBase(image, variables),
      'played:findings': (play.findings ?? []).join(' '),
      'played:smoke': play.smokeTestFailure ?? '',
      'played:malware': play.malware ?? '',
    };
    const { ImageId } = await ec2.send(
      new RegisterImageCommand({
        Name: `broch-${image}-${run.version}-${run.attempt}-${Date.now()}`,
        TagSpecifications: [
          { ResourceType: 'image', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
        ],
      }),
    );
    const put = (Key: string, Body: string) =>
      s3.send(new PutObjectCommand({ Bucket: outputs['data.Builds'], Key, Body }));
    await put(billKey(run), writeBill(image));
    if (image === 'enclave-parent') {
      const { pcr0, pcr1, pcr2 } = measureLoader();
      await put(measurementsKey(run), JSON.stringify({ HashAlgorithm: 'played', PCR0: pcr0, PCR1: pcr1, PCR2: pcr2 }));
    }
    const artifact = { builder_type: 'amazon-ebs', artifact_id: `${region}:${ImageId}`, custom_data: { recipe } };
    await put(manifestKey(run), JSON.stringify({ builds: [artifact], last_run_uuid: '' }));
  }

  async function finish(build: Build): Promise<void> {
    const { projectName = '', environment } = build;
    const variables = environment?.environmentVariables ?? [];
    const pairs = variables.map(({ name = '', value = '' }) => ({ name, value }));
    const run = readBuildVariables(pairs);
    const play = run && plays(run);
    if (!run || !play) return;
    const status = await packImage(run, play, pairs).then(
      () => 'SUCCEEDED',
      (error: Error) => {
        log(`${build.id}: ${error.message}`);
        return 'FAILED';
      },
    );
    const Detail = JSON.stringify({
      'project-name': projectName,
      'build-status': status,
      'build-id': build.arn,
      'additional-information': {
        environment: { 'environment-variables': pairs.map(variable => ({ ...variable, type: 'PLAINTEXT' })) },
        logs: { 'deep-link': `https://console.aws.amazon.com/codesuite/codebuild/projects/${projectName}` },
      },
    });
    const entry = { Source: 'aws.codebuild', DetailType: 'CodeBuild Build State Change', Detail };
    await events.send(new PutEventsCommand({ Entries: [entry] }));
    log(`${run.image} ${run.version}: ${status}`);
  }

  async function round(): Promise<void> {
    const { ids = [] } = await builds.send(new ListBuildsCommand({}));
    const waitingIds = ids.filter(id => !finishedIds.has(id));
    if (waitingIds.length === 0) return;
    const { builds: started = [] } = await builds.send(new BatchGetBuildsCommand({ ids: waitingIds }));
    for (const build of started) {
      finishedIds.add(build.id ?? '');
      await finish(build);
    }
  }

  while (!signal.aborted) {
    await round().catch((error: Error) => signal.aborted || log(error.message));
    await sleep(300, undefined, { signal }).catch(() => {});
  }
  for (const client of [builds, ec2, events, s3]) client.destroy();
}
