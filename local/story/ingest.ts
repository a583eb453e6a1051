import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { repositoryRoot } from '../cloud.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { clientConfigFor } from '../roles.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { pollUntilSettled } from './until.ts';

/** Real data that comes with the packages: the open datasets of the Vega project. */
const charts = join(repositoryRoot, 'node_modules/vega-datasets/data');

/** Runs the command line as a person, in a process of its own. Gives its JSON answer, exit code and error output. */
export function spawnBroch(
  stage: DemoSetup,
  person: string,
  ...args: string[]
): Promise<{ code: number; answer: Record<string, unknown>; errors: string }> {
  const node = join(repositoryRoot, 'node_modules/node/bin/node');
  const env = {
    ...process.env,
    BROCH_AS: person,
    XDG_CONFIG_HOME: join(dirname(stage.facts.ca), 'home'),
    BROCH_CLOUD: stage.file,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(node, [join(repositoryRoot, 'bin/broch.ts'), ...args, '--json'], {
      env,
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, errors] = ['', ''];
    child.stdout.on('data', chunk => {
      output += chunk;
    });
    child.stderr.on('data', chunk => {
      errors += chunk;
    });
    child.on('error', reject);
    child.on('close', code => {
      try {
        resolve({ code: code ?? 1, answer: JSON.parse(output || '{}'), errors });
      } catch {
        reject(new Error(`broch ${args.join(' ')} printed no JSON: ${output.slice(0, 300)} ${errors.slice(-500)}`));
      }
    });
  });
}

/** Files that were changed on the way from the partner: one byte differs, the list of checksums does not. */
function alteredFiles(): { name: string; bytes: Buffer }[] {
  const files = ['airports.csv', 'seattle-weather.csv', 'us-employment.csv'].map(name => ({
    name,
    bytes: readFileSync(join(charts, name)),
  }));
  const sums = files
    .map(({ name, bytes }) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`)
    .join('');
  const altered = files.map(({ name, bytes }) => {
    if (name !== 'seattle-weather.csv') return { name, bytes };
    const copy = Buffer.from(bytes);
    copy[1000] = (copy[1000] ?? 0) ^ 1;
    return { name, bytes: copy };
  });
  return [...altered, { name: 'SHA256SUMS', bytes: Buffer.from(sums) }];
}

/** Real files become a dataset; a copy with one changed byte does not; somebody without rights gets nowhere. */
export const tellIngest: ChapterTeller = async (stage, tell) => {
  const count = readdirSync(charts).length;

  const { version } = await tell(`Petra delivers ${count} files with \`broch deliver\``, async () => {
    const { code, answer, errors } = await spawnBroch(
      stage,
      'petra',
      'deliver',
      charts,
      '--dataset',
      'open-charts',
      '--new',
      '--minutes',
      '1',
    );
    assertHolds(
      code === 0 && answer.status === 'registered',
      `broch deliver ended with ${code}: ${JSON.stringify(answer).slice(0, 300)} ${errors.slice(-600)}`,
    );
    return {
      message: `Every checksum was verified as the files were read. Only then ${answer.files} files (${answer.bytes} bytes) became one version of open-charts that nobody can change.`,
      ids: { delivery: String(answer.id), version: String(answer.version) },
      version: String(answer.version),
    };
  });

  await tell('A copy arrives in which one byte was changed on the way', async () => {
    const petra = stage.as('petra');
    const { id } = await petra.ask('openDelivery', { body: { dataset: 'open-charts' } });
    const { bucket, prefix, accessKeyId, secretAccessKey, sessionToken } = await petra.ask('uploadAccess', {
      params: { delivery: id },
    });
    const s3 = new S3Client(clientConfigFor(stage.facts, { accessKeyId, secretAccessKey, sessionToken }));
    for (const { name, bytes } of alteredFiles())
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${name}`, Body: bytes }));
    s3.destroy();
    const delivery = await pollUntilSettled(
      () => petra.ask('showDelivery', { params: { delivery: id } }),
      ({ status }) => status === 'held' || status === 'registered',
    );
    assertHolds(delivery.status === 'held', `the delivery is ${delivery.status}`);
    const [finding] = delivery.findings;
    assertHolds(finding?.path === 'seattle-weather.csv', `it was held for ${JSON.stringify(delivery.findings)}`);
    return {
      message: `Held: ${finding.path}: ${finding.reason} Nothing of the delivery reached the lake, and the files that she sent are still where she put them.`,
      ids: { delivery: id, file: finding.path },
    };
  });

  await tell('Stella, the data steward, looks into the catalogue', async () => {
    const { items } = await stage.as('stella').ask('listVersions', { params: { dataset: 'open-charts' } });
    assertHolds(items.length === 1 && items[0]?.version === version, `the catalogue has ${JSON.stringify(items)}`);
    return {
      message: `open-charts has one version: ${version}. Its name is the SHA-256 of its sorted manifest, so it names exactly these bytes.`,
      ids: { version },
    };
  });

  await tell('Somebody calls AWS with invented credentials', async () => {
    const s3 = new S3Client(
      clientConfigFor(stage.facts, { accessKeyId: 'AKIAMADEUPMADEUP1234', secretAccessKey: 'made-up' }),
    );
    const answer = await s3
      .send(new PutObjectCommand({ Bucket: stage.facts.outputs['data.Lake'], Key: 'x', Body: 'x' }))
      .then(
        () => 'let in',
        (error: Error) => error.name,
      );
    s3.destroy();
    assertHolds(answer !== 'let in', 'made-up credentials were let in');
    return {
      message: `Refused (${answer}): the embedded cloud checks every signature and every right, as AWS does.`,
      ids: { refusal: answer },
    };
  });
};
