import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { DemoSetup } from '../demo-setup.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { withDesktopFolder } from './desktop.ts';
import { spawnBroch } from './ingest.ts';
import { pollUntilSettled } from './until.ts';

const project = 'asthma';
const codes = 'code,label\nJ45.0,Predominantly allergic asthma\nJ45.1,Nonallergic asthma\n';
const groups = [{ name: 'Codes', kind: 'supporting' as const, purpose: 'Reference data', paths: ['**'] }];

/** An import takes the same way: scanned, reviewed, and delivered to a folder where nobody can change it. */
export const tellImports: ChapterTeller = async (stage: DemoSetup, tell) => {
  const [rana, vera, olga] = ['rana', 'vera', 'olga'].map(name => stage.as(name)) as [
    ReturnType<DemoSetup['as']>,
    ReturnType<DemoSetup['as']>,
    ReturnType<DemoSetup['as']>,
  ];
  const place = mkdtempSync(join(dirname(stage.facts.ca), 'upload-'));
  const bringIn = async (name: string, files: Readonly<Record<string, string>>) => {
    const body = { title: name, direction: 'import' as const, groups };
    const { id } = await rana.ask('draftRequest', { params: { project }, body });
    const folder = join(place, id);
    mkdirSync(folder);
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    const { code, errors } = await spawnBroch(stage, 'rana', 'airlock', 'upload', project, id, folder);
    assertHolds(code === 0, `broch airlock upload ended with ${code}: ${errors.slice(-500)}`);
    const params = { project, request: id };
    await rana.ask('submitRequest', { params });
    return params;
  };
  const rests = (params: { project: string; request: string }, expectedStatus: string) =>
    pollUntilSettled(
      () => vera.ask('showRequest', { params }),
      ({ status }) => !['submitted', 'checking', 'releasing'].includes(status),
    ).then(request => {
      assertHolds(request.status === expectedStatus, `the import is ${JSON.stringify(request).slice(0, 800)}`);
      return request;
    });

  await tell('Rana brings a list of codes in', async () => {
    const params = await bringIn('Codes of asthma', { 'codes.csv': codes });
    const { seal } = await rests(params, 'inReview');
    assertHolds(seal, 'there is no seal');
    await vera.ask('reviewRequest', { params, body: { seal: seal.sha256, verdict: 'approve' } });
    await olga.ask('releaseRequest', { params });
    await rests(params, 'released');
    const Key = `data/imports/${params.request}/codes.csv`;
    const writeError = await withDesktopFolder(stage, project, async ({ s3, bucket }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      assertHolds((await Body?.transformToString()) === codes, 'what came in is not what she sent');
      return s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'mine' })).catch((error: Error) => error.name);
    });
    assertHolds(writeError === 'AccessDenied', 'her desktop can change what came in');
    return {
      message:
        'She uploaded it with credentials for this one folder. It was scanned, Vera approved it, and Rana can now read it on her desktop, but not change it.',
      ids: { request: params.request },
    };
  });

  await tell('A file with malware in it gets no further', async () => {
    // The harmless EICAR test text, in two pieces so that no scanner takes this file for malware.
    const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
    const params = await bringIn('A tool', { 'tool.txt': eicar });
    const { report } = await rests(params, 'blocked');
    const [first] = report?.first ?? [];
    assertHolds(first?.rule === 'malware.found', `it was blocked for ${JSON.stringify(report)}`);
    rmSync(place, { recursive: true, force: true });
    return {
      message: `Blocked: ${first.path}. Nobody at all can open it there, and a mail tells the operators which malware it was.`,
      ids: { request: params.request, rule: first.rule },
    };
  });
};
