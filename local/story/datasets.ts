import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { repositoryRoot } from '../cloud.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { runNotebook } from './analysis.ts';
import { tellDatasetLife } from './dataset-life.ts';
import { DatasetList, LIST_KEY, readText } from './dataset-list.ts';
import { withDesktopFolder } from './desktop.ts';
import { tellMinimisedVersion } from './minimised.ts';
import { tellSftpDelivery } from './sftp.ts';
import { pollUntilSettled } from './until.ts';
import { startWindowsDesktop } from './windows-datasets.ts';

const sampleFile = 'seattle-weather.csv';

/** A project gets a dataset by its owner's decision, reads it on a desktop, and gives it back. */
export const tellDatasets: ChapterTeller = async (stage, tell) => {
  const [rana, stella] = [stage.as('rana'), stage.as('stella')];
  const params = { project: 'asthma' };

  await tell('Olga makes Stella the owner of open-charts', async () => {
    const terms = await stage.as('olga').ask('governDataset', {
      params: { dataset: 'open-charts' },
      body: {
        owner: 'stella',
        title: 'Open charts',
        controller: 'The Vega project',
        licence: 'BSD-3-Clause',
        purposes: ['research', 'teaching'],
        days: 90,
      },
    });
    return {
      message: `Projects may use it for ${terms.purposes.join(' or ')}, ${terms.days} days at most. ${terms.ownerName} decides.`,
    };
  });

  const { use } = await tell('Rana asks for it, and Stella approves', async () => {
    const endsAt = new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString();
    const request = await rana.ask('requestUse', {
      params,
      body: { dataset: 'open-charts', purpose: 'research', endsAt, explanation: 'Weather and admissions.' },
    });
    const approvedUse = await stella.ask('approveUse', {
      params: { ...params, use: request.id },
      body: { conditions: 'No linkage to other data.' },
    });
    assertHolds(approvedUse.status === 'approved', `the use is ${approvedUse.status}`);
    return {
      message: `Stella has no part in asthma, so she may decide. The use ends at ${approvedUse.endsAt} by itself.`,
      ids: { use: request.id, version: request.version },
      use: request.id,
    };
  });

  const { content, path } = await tell("Rana's desktop reads exactly this version, and can change nothing", async () =>
    withDesktopFolder(stage, 'asthma', async ({ s3, bucket }) => {
      const text = await pollUntilSettled(
        () => readText(s3, bucket, LIST_KEY),
        answer => answer.startsWith('{'),
      );
      const list = DatasetList.parse(JSON.parse(text));
      const [dataset] = list.datasets;
      assertHolds(dataset?.dataset === 'open-charts', `the list has ${text}`);
      const content = await readText(s3, list.bucket, dataset.prefix + sampleFile);
      const original = readFileSync(join(repositoryRoot, 'node_modules/vega-datasets/data', sampleFile));
      const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      assertHolds(digest(Buffer.from(content)) === digest(original), `${sampleFile} is not what Petra delivered`);
      const refusal = await s3
        .send(new PutObjectCommand({ Bucket: list.bucket, Key: dataset.prefix + sampleFile, Body: 'x' }))
        .then(
          () => 'accepted',
          (error: Error) => error.name,
        );
      assertHolds(refusal === 'AccessDenied', `a write to the dataset was answered with ${refusal}`);
      return {
        message: `${sampleFile} has ${content.trim().split('\n').length - 1} rows, byte for byte as Petra delivered them. A write is refused (${refusal}).`,
        ids: { path: dataset.path },
        path: dataset.path,
        content,
      };
    }),
  );

  const windowsPath = `C:${path.replaceAll('/', '\\')}\\${sampleFile}`;
  const { desktop } = await tell('Her Windows desktop shows the same version on drive C', async () => {
    const windowsDesktop = await startWindowsDesktop(stage, 'asthma');
    const text = await windowsDesktop.read(windowsPath);
    assertHolds(text === content, `${windowsPath} shows ${text.slice(0, 100)}`);
    return {
      message: `${windowsPath} is the same file: the program of the Windows image mounts what Broch's list names, as Linux does.`,
      ids: { instance: windowsDesktop.instance },
      desktop: windowsDesktop,
    };
  });

  await tell('She runs a notebook on it, which writes two tables', async () => {
    const output = await runNotebook(stage, 'asthma', { path, file: sampleFile, content });
    assertHolds(output === '211 of 1461 days were warmer than 25 °C', `the notebook printed ${output}`);
    return {
      message: `${output}. The tables are in data/outbox/paper, the notebook in data/notebooks. Nothing has left the project.`,
    };
  });

  await tell('Rana gives it back', async () =>
    withDesktopFolder(stage, 'asthma', async ({ s3, bucket }) => {
      const list = DatasetList.parse(JSON.parse(await readText(s3, bucket, LIST_KEY)));
      const key = `${list.datasets[0]?.prefix}${sampleFile}`;
      const started = Date.now();
      await rana.ask('endUse', { params: { ...params, use }, body: { reason: 'The analysis is finished.' } });
      await pollUntilSettled(
        () => readText(s3, list.bucket, key),
        answer => answer === 'AccessDenied',
      );
      await pollUntilSettled(
        () => desktop.read(windowsPath),
        answer => answer === 'nothing is there',
      );
      return { message: `After ${((Date.now() - started) / 1000).toFixed(1)} s no desktop of asthma can read it.` };
    }),
  );
  await desktop.archive();
  await tellMinimisedVersion(stage, tell);
  await tellSftpDelivery(stage, tell);
  await tellDatasetLife(stage, tell);
};
