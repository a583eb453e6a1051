import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { DemoSetup } from '../demo-setup.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { withDesktopFolder } from './desktop.ts';
import { tellImports } from './imports.ts';
import { spawnBroch } from './ingest.ts';
import { pollUntilSettled } from './until.ts';

const source = 'data/outbox/paper/';
const project = 'asthma';

/** Saves files from Rana's desktop. */
const save = (stage: DemoSetup, files: Readonly<Record<string, string>>): Promise<void> =>
  withDesktopFolder(stage, project, async ({ s3, bucket }) => {
    for (const [path, Body] of Object.entries(files))
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${source}${path}`, Body }));
  });

/**
 * An export from draft to download: sealed, checked, reviewed by two people independently, signed, and later retracted.
 */
export const tellAirlock: ChapterTeller = async (stage, tell) => {
  await tellImports(stage, tell);
  const [rana, vera, victor, olga] = ['rana', 'vera', 'victor', 'olga'].map(name => stage.as(name)) as [
    ReturnType<DemoSetup['as']>,
    ReturnType<DemoSetup['as']>,
    ReturnType<DemoSetup['as']>,
    ReturnType<DemoSetup['as']>,
  ];
  const folder = mkdtempSync(join(dirname(stage.facts.ca), 'download-'));
  const show = (params: { project: string; request: string }, expectedStatus: string, viewer = vera) =>
    pollUntilSettled(
      () => viewer.ask('showRequest', { params }),
      ({ status }) => !['submitted', 'checking', 'releasing'].includes(status),
    ).then(request => {
      assertHolds(request.status === expectedStatus, `the request is ${JSON.stringify(request).slice(0, 800)}`);
      return request;
    });

  const { params } = await tell('Rana asks to release the tables of her notebook; one has a small cell', async () => {
    const groups = [
      { name: 'Tables', kind: 'table' as const, purpose: 'A paper on hot days', paths: ['tables/*.csv'] },
    ];
    const body = { title: 'Hot days by weather and year', source, groups };
    const { id } = await rana.ask('draftRequest', { params: { project }, body });
    const params = { project, request: id };
    await rana.ask('submitRequest', { params });
    const { report, fullReport } = await show(params, 'blocked', rana);
    const [first] = report?.first ?? [];
    const cell = first?.cells[0];
    assertHolds(first?.path === 'file 1' && cell && fullReport, `it was blocked for ${JSON.stringify(report)}`);
    assertHolds(!JSON.stringify(report).includes('kind.csv'), 'the name of a sealed file left the project');
    await withDesktopFolder(stage, project, async ({ s3, bucket }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: fullReport }));
      const page = (await Body?.transformToString()) ?? '';
      assertHolds(page.includes('tables/kind.csv'), 'the full report does not name the file');
    });
    return {
      message: `Blocked before any reviewer saw it: ${first.path}, row ${cell.row}, column ${cell.column}, rule ${first.rule}. She reads the rest on her desktop, in ${fullReport}.`,
      ids: { request: id, rule: first.rule },
      params,
    };
  });

  await tell('She corrects it, and Victor asks her to round the counts', async () => {
    await save(stage, { 'tables/kind.csv': 'kind,n\nsun,176\nfog or wet,35\n' });
    await rana.ask('submitRequest', { params });
    const { seal } = await show(params, 'inReview');
    assertHolds(seal?.files === 2, `the seal is ${JSON.stringify(seal)}`);
    await victor.ask('returnRequest', { params, body: { seal: seal.sha256, comment: 'Round the counts to 5.' } });
    const { votes } = await vera.ask('showRequest', { params });
    assertHolds(votes?.length === 0, 'Vera sees votes before she has voted');
    await vera.ask('reviewRequest', { params, body: { seal: seal.sha256, verdict: 'approve' } });
    const { comments } = await show(params, 'returned', rana);
    return {
      message: `Vera could not see how Victor had voted, or whether he had voted. Rana reads the comment: ${comments?.[0]?.comment}`,
      ids: { seal: seal.sha256 },
    };
  });

  const { seal } = await tell('She rounds; both look again and approve', async () => {
    await save(stage, {
      'tables/kind.csv': 'kind,n\nsun,175\nfog or wet,35\n',
      'tables/year.csv': 'year,n\n2012,30\n2013,60\n2014,55\n2015,65\n',
    });
    await rana.ask('submitRequest', { params });
    const { seal, round } = await show(params, 'inReview');
    assertHolds(seal, 'there is no seal');
    const { items } = await vera.ask('listFiles', { params });
    const path = items[0]?.path ?? '';
    const { html } = await vera.ask('viewFile', { params, query: { path } });
    assertHolds(html.includes('fog or wet') && !html.includes('<script'), 'the preview does not show the table safely');
    for (const reviewer of [vera, victor])
      await reviewer.ask('reviewRequest', { params, body: { seal: seal.sha256, verdict: 'approve' } });
    await show(params, 'approved');
    return {
      message: `Their votes are on seal ${seal.sha256.slice(0, 16)}… of round ${round}: these bytes and no others. Every view of a file is on record.`,
      ids: { seal: seal.sha256 },
      seal: seal.sha256,
    };
  });

  await tell('It is released, and Rana downloads it', async () => {
    await olga.ask('releaseRequest', { params });
    await show(params, 'released');
    const place = join(folder, 'once');
    const { code, errors } = await spawnBroch(stage, 'rana', 'airlock', 'download', project, params.request, place);
    assertHolds(code === 0, `broch airlock download ended with ${code}: ${errors.slice(-500)}`);
    assertHolds(existsSync(join(place, 'files/tables/year.csv')), 'the files are not there');
    return {
      message:
        'Every byte was compared with the seal again, and the record of the release was signed. The link worked once, for her only.',
      ids: { request: params.request, seal },
    };
  });

  await tell('She tries again, and checks what she has without asking anybody', async () => {
    const repeat = await spawnBroch(
      stage,
      'rana',
      'airlock',
      'download',
      project,
      params.request,
      join(folder, 'twice'),
    );
    assertHolds(repeat.code === 3, `a second download ended with ${repeat.code}`);
    const place = join(folder, 'once');
    const { code, answer, errors } = await spawnBroch(
      stage,
      'rana',
      'airlock',
      'verify',
      join(place, 'release.json'),
      join(place, 'files'),
    );
    assertHolds(code === 0 && answer.ok === true, `broch airlock verify ended with ${code}: ${errors.slice(-500)}`);
    const [, reason = 'the link is used up'] = /"detail":\s*"([^"]+)"/.exec(repeat.errors) ?? [];
    return {
      message: `Refused: ${reason}\nThe record's signature and every file agree, offline.`,
      ids: { request: params.request },
    };
  });

  await tell('Vera takes the release back', async () => {
    await vera.ask('revokeRequest', { params, body: { reason: 'The station was moved.' } });
    const { code } = await spawnBroch(
      stage,
      'rana',
      'airlock',
      'download',
      project,
      params.request,
      join(folder, 'late'),
    );
    assertHolds(code === 3, `a download after the revocation ended with ${code}`);
    await show(params, 'revoked');
    rmSync(folder, { recursive: true, force: true });
    return { message: 'From that moment no link to the release works, old or new.', ids: { request: params.request } };
  });
};
