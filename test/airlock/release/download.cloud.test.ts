import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDownloadSource, fetchSessionFiles } from '../../../bin/cli/airlock-download.ts';
import { hashTree } from '../../../bin/cli/airlock-tree.ts';
import { Grant, MAX_SERVED_BYTES, tokenHash } from '../../../functions/airlock/release/link.ts';
import { partBytes } from '../../../functions/airlock/release/schemas.ts';
import { compareFiles, fingerprintOf, verifyRecord } from '../../../functions/airlock/release/verify.ts';
import { rowKey } from '../../../functions/keys.ts';
import { writeEmbeddedCloudFile } from '../../cli/embedded.ts';
import { makeTestFolder, runBroch } from '../../cli/harness.ts';
import { openTestTable } from '../../workspaces/harness.ts';
import { fetchFirstPage } from '../download-helper.ts';
import { airlockScene, changeUserGroup, enrolTestUser, addProjectMember as enter, putSourceFiles } from '../harness.ts';

const project = 'airlock-fetch';
const { cloud, people, approve, submit, settle, vote, bucket } = airlockScene(project);
const files = { 'tables/one.csv': 'group,n\na,20\nb,30\n', 'tables/größe +%41 (1).csv': 'group,n\na,40\nb,50\n' };
type Params = Awaited<ReturnType<typeof approve>>;

async function releaseFiles(content: Record<string, string> = files): Promise<Params> {
  const params = await approve(content);
  await people.vera.ask('releaseRequest', { params });
  await settle(params, ['released']);
  return params;
}
/** Releases files that their pages show only in part: they need an explanation, and votes that say how much was seen, which must be true. */
async function releaseLargeFiles(content: Record<string, string>): Promise<Params> {
  const { params } = await submit(content);
  await settle(params, ['returned']);
  await people.rana.ask('editRequest', { params, body: { explanation: 'The same line again and again.' } });
  await people.rana.ask('submitRequest', { params });
  const { seal } = await settle(params, ['inReview']);
  const body = { verdict: 'approve', seal: seal?.sha256 ?? '', extent: 'part' } as const;
  for (const reviewer of [people.vera, people.viktor]) {
    for (const path of Object.keys(content)) await reviewer.ask('viewFile', { params, query: { path } });
    await reviewer.ask('reviewRequest', { params, body });
  }
  await people.vera.ask('releaseRequest', { params });
  await settle(params, ['released']);
  return params;
}
const refusal = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'allowed',
    (error: Error) => error.message,
  );

describe('a released request', () => {
  let params: Params;
  beforeAll(async () => {
    params = await releaseFiles();
  });

  it('cannot be downloaded by another member of the project or by its reviewers', async () => {
    const nina = await enrolTestUser(cloud, `${project}-nina`, 'researcher');
    await enter(cloud, project, nina);
    const { token } = await people.rana.ask('openDownload', { params, body: {} });
    expect(await refusal(nina.ask('openDownload', { params, body: {} }))).toMatch('belongs to somebody else');
    expect(await refusal(nina.ask('takeDownload', { params, body: { token } }))).toMatch('belongs to somebody else');
    expect(await refusal(people.vera.ask('takeDownload', { params, body: { token } }))).not.toBe('allowed');
    expect(await refusal(people.rana.ask('downloadFiles', { params, body: { token } }))).toMatch('Redeem the link');
  });

  it('cannot be downloaded from another network', async () => {
    const { token } = await people.rana.ask('openDownload', { params, body: { network: '192.0.2.0/24' } });
    expect(await refusal(people.rana.ask('takeDownload', { params, body: { token } }))).toMatch('from the network');
  });

  it('is downloaded once, by version and part by part, and verifies with the public key of the platform', async () => {
    const { rana } = people;
    const links = await Promise.all([1, 2, 3].map(() => rana.ask('openDownload', { params, body: {} })));
    const took = await Promise.all(
      links.map(({ token }) => refusal(rana.ask('takeDownload', { params, body: { token } }))),
    );
    expect(took.filter(outcome => outcome === 'allowed')).toHaveLength(1);
    expect(took.filter(outcome => /may be downloaded once, and it already was/.test(outcome))).toHaveLength(2);
    const { token } = links[took.indexOf('allowed')] as (typeof links)[number];

    const page = await rana.ask('downloadFiles', { params, body: { token } });
    expect(page.files.map(({ path }) => path).sort()).toEqual(Object.keys(files).sort());
    // Another object of the same name is not what was released.
    const [first] = page.files;
    const settings = {
      Bucket: cloud.outputs['data.Released'] ?? '',
      Key: `released/${params.request}/files/${first?.path}`,
    };
    await new S3Client(cloud.configuration).send(new PutObjectCommand({ ...settings, Body: 'another' }));
    expect((await fetchFirstPage(rana, params, token)).files).toEqual(files);
    for (const [body, message] of [
      [{ token, file: -1 }, /does not have the format/],
      [{ token: tokenHash(token), file: 0 }, /no such link|does not have the format/],
    ] as const)
      await expect(rana.ask('downloadPart', { params, body })).rejects.toThrow(message);
    const folder = makeTestFolder();
    await fetchSessionFiles(createDownloadSource(rana, params, undefined), folder, token, () => undefined);

    const { record, wrong } = verifyRecord(readFileSync(join(folder, 'release.json'), 'utf8'));
    expect(wrong).toEqual([]);
    if (!record) throw new Error('there is no record');
    expect(compareFiles(record, await hashTree(join(folder, 'files')))).toEqual([]);
    expect(record).toMatchObject({ project, request: params.request, requester: rana.id, recipient: rana.id });
    expect(record.reviewers.map(({ id }) => id)).toEqual(['reviewer 1', 'reviewer 2']);
    const kms = new KMSClient(cloud.configuration);
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: record.keyId }));
    const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' });
    const verify = [
      'airlock',
      'verify',
      join(folder, 'release.json'),
      join(folder, 'files'),
      '--key',
      fingerprintOf(key),
    ];
    expect((await runBroch(verify)).code).toBe(0);

    expect(await refusal(rana.ask('openDownload', { params, body: {} }))).toMatch(
      'may be downloaded once, and it already was',
    );
    expect(await refusal(rana.ask('takeDownload', { params, body: { token } }))).toMatch('was already used');
    expect(await refusal(rana.ask('downloadFiles', { params, body: { token: tokenHash(token) } }))).not.toBe('allowed');
  });
});

it('a download counts every byte, records a change of address, and gives at most three times the released bytes', async () => {
  const params = await releaseFiles();
  const { rana } = people;
  const { token } = await rana.ask('openDownload', { params, body: {} });
  await rana.ask('takeDownload', { params, body: { token } });
  const part = () => rana.ask('downloadPart', { params, body: { token, file: 0 } });
  await expect(part()).rejects.toThrow(/Ask for a page/);
  await rana.ask('downloadFiles', { params, body: { token } });
  await expect(rana.ask('downloadFiles', { params, body: { token, from: 2 } })).rejects.toThrow(/There are 2 files/);
  await Promise.all(Array.from({ length: 10 }, part));
  const table = await openTestTable(cloud);
  const id = `${project}#${params.request}`;
  const givenKey = rowKey('download', id, `GIVEN#${tokenHash(token)}`);
  // However small it is, a part counts for 64 KiB.
  expect((await table.get(givenKey))?.count).toBe(10 * 64 * 1024);

  const grant = Grant.parse(await table.get(rowKey('download', id)));
  const links = grant.links.map(link => ({ ...link, session: { ...link.session, source: '198.51.100.7' } }));
  await table.put(rowKey('download', id), { ...grant, links });
  await Promise.all(Array.from({ length: 5 }, part));
  const { items } = await rana.ask('listTrail', { params });
  const downloads = items.filter(({ name }) => name.startsWith('Download')).map(({ name }) => name);
  expect(downloads).toEqual(['DownloadMoved', 'DownloadPaged', 'DownloadTaken', 'DownloadOpened']);

  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  await table.put(givenKey, { count: MAX_SERVED_BYTES(bytes) - 64 * 1024 });
  await part();
  await expect(part()).rejects.toThrow(/three times the size of the release/);
});

it('a revocation stops a download at once, even in the middle of a file', async () => {
  const large = 'The tables say what was found there.\n'.repeat(120_000);
  const params = await releaseLargeFiles({ ...files, 'large.txt': large });
  const { rana } = people;
  const { token } = await rana.ask('openDownload', { params, body: {} });
  await rana.ask('takeDownload', { params, body: { token } });
  expect((await fetchFirstPage(rana, params, token)).files).toEqual({ ...files, 'large.txt': large });
  const part = (offset: number) => rana.ask('downloadPart', { params, body: { token, file: 0, from: offset } });
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), large.length);
  const lengths = [0, partBytes, bytes - 1, bytes, bytes + 1].map(async offset => (await part(offset)).length);
  expect(await Promise.all(lengths)).toEqual([partBytes, bytes - partBytes, 1, 0, 0]);
  await people.olga.ask('revokeRequest', { params, body: { reason: 'A count was too small.' } });
  const refusals = [
    () => part(partBytes),
    () => rana.ask('downloadPart', { params, body: { token } }),
    () => rana.ask('downloadFiles', { params, body: { token } }),
    () => rana.ask('takeDownload', { params, body: { token } }),
    () => rana.ask('openDownload', { params, body: {} }),
  ];
  for (const attempt of refusals) expect(await refusal(attempt())).toMatch('A count was too small.');
});

it('the command line downloads, verifies, previews and packs a release', async () => {
  const folder = makeTestFolder();
  const [name, rita] = [`${project}-nora`, `${project}-rita`];
  const { file } = await writeEmbeddedCloudFile(cloud, folder, { [name]: 'researcher', [rita]: 'reviewer' });
  const runAs = async (person: string, ...argv: string[]) => {
    const ran = await runBroch(argv, { BROCH_CLOUD: file, XDG_CONFIG_HOME: join(folder, 'home'), BROCH_AS: person });
    return { ...ran, json: argv.includes('--json') && ran.code === 0 ? JSON.parse(ran.output) : undefined };
  };
  const run = (...argv: string[]) => runAs(name, ...argv);
  const { json: me } = await run('whoami', '--json');
  await enter(cloud, project, { ...people.rana, id: me.id, name });
  await putSourceFiles(cloud, bucket(), 'data/outbox/nora/', files);
  const groups = JSON.stringify([{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }]);
  const flags = ['--title', 'T', '--source', 'data/outbox/nora/', '--groups', groups, '--json'];
  const { json: draft, err } = await run('airlock', 'draft', project, ...flags);
  expect(err).toBe('');
  const params = { project, request: draft.id as string };
  const requestArguments = [project, params.request];
  expect(await run('airlock', 'submit', ...requestArguments)).toMatchObject({ code: 0 });
  await settle(params, ['inReview']);
  const [part, look] = [join(folder, 'part'), join(folder, 'look')];
  const { err: preview } = await runAs(
    rita,
    'airlock',
    'preview',
    ...requestArguments,
    part,
    '--path',
    'tables/one.csv',
  );
  expect(preview).toContain(`Then vote: broch airlock review ${requestArguments.join(' ')} --seen ${part}`);
  const verdict = ['airlock', 'review', ...requestArguments, '--verdict', 'approve', '--seen'];
  expect(await runAs(rita, ...verdict, part)).toMatchObject({ code: 3, err: expect.stringContaining('no page for 1') });
  expect(await runAs(rita, 'airlock', 'preview', ...requestArguments, look)).toMatchObject({ code: 0 });
  expect(readFileSync(join(look, 'index.html'), 'utf8')).toContain('<a href="files/00002.html">tables/one.csv</a>');
  expect(readFileSync(join(look, 'files/00002.html'), 'utf8')).toContain('<td class="n">30</td>');
  expect(await runAs(rita, 'airlock', 'preview', ...requestArguments, look)).toMatchObject({ code: 3 });
  expect(await runAs(rita, ...verdict, look)).toMatchObject({ code: 0 });
  await vote(people.vera, params, 'approve');
  await people.vera.ask('releaseRequest', { params });
  await settle(params, ['released']);

  // The steps of a download are commands too; a link opened and not taken is none of its uses.
  const { json: link } = await run('airlock', 'download-link', ...requestArguments, '--json');
  const early = await run('airlock', 'download-part', ...requestArguments, '--token', link.token, '--file', '0');
  expect(early).toMatchObject({ code: 3, output: '', err: expect.stringContaining('Redeem the link') });
  const target = join(folder, 'got');
  const { code, output: stdout, err: stderr } = await run('airlock', 'download', ...requestArguments, target);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout).toContain('All 2 files match the release, byte for byte');
  expect(readFileSync(join(target, 'files/tables/one.csv'), 'utf8')).toBe(files['tables/one.csv']);
  const { record, publicKey } = JSON.parse(readFileSync(join(target, 'release.json'), 'utf8'));
  const { keyId } = record;
  const pem = join(folder, 'key.pem');
  expect(await run('airlock', 'key', pem)).toMatchObject({ code: 0 });
  expect(readFileSync(pem, 'utf8')).toBe(publicKey);
  const verify = ['airlock', 'verify', join(target, 'release.json'), join(target, 'files'), '--key', pem];
  expect(await run(...verify)).toMatchObject({ code: 0, err: '' });
  const { json: signer } = await run('airlock', 'signer', '--id', keyId, '--json');
  expect(signer).toMatchObject({ keyId, publicKey, current: true });
  expect(await run('airlock', 'signer', '--id', 'arn:aws:kms:eu-west-2:1:key/other')).toMatchObject({ code: 3 });
  const packed = ['airlock', 'crate', join(target, 'release.json'), join(target, 'files'), join(folder, 'bag')];
  expect(await run(...packed)).toMatchObject({ code: 0 });
  const second = await run('airlock', 'download', ...requestArguments, join(folder, 'again'));
  expect(second).toMatchObject({ code: 3, err: expect.stringContaining('may be downloaded once, and it already was') });
});

it('a named recipient who is not a member can download the release, see nothing else, and not review it', async () => {
  const [paul, eve] = await Promise.all(
    ['paul', 'eve'].map(name => enrolTestUser(cloud, `${project}-${name}`, 'researcher')),
  );
  if (!paul || !eve) throw new Error('nobody has signed in');
  const { rana, vera, viktor, olga } = people;
  const source = 'data/outbox/for-paul/';
  await putSourceFiles(cloud, bucket(), source, files);
  const groups = [{ name: 'all', kind: 'table' as const, purpose: 'paper', paths: ['**'] }];
  const body = { title: 'T', source, groups };
  const draft = (recipient: string) => rana.ask('draftRequest', { params: { project }, body: { ...body, recipient } });
  // A reviewer who cannot download is refused like somebody who does not exist.
  for (const name of ['nobody-of-that-name', vera.name])
    await expect(draft(name)).rejects.toThrow(`${name} cannot receive a release.`);
  const { id, recipient } = await draft(paul.name);
  expect(recipient).toEqual({ id: paul.id, name: paul.name });
  const params = { project, request: id };
  await changeUserGroup(cloud, paul, 'reviewer', 'add');
  await rana.ask('submitRequest', { params });
  await settle(params, ['inReview']);
  await expect(vote(paul, params, 'approve')).rejects.toThrow(/There is no|Only reviewer/);
  for (const voter of [vera, viktor]) await vote(voter, params, 'approve');
  await olga.ask('releaseRequest', { params });
  await settle(params, ['released']);
  // To a stranger it is as if there were no such request: the very same words.
  const missingRequest = {
    project,
    request: `${params.request.slice(0, -1)}${params.request.endsWith('0') ? '1' : '0'}`,
  };
  const [real, missingRefusal] = [params, missingRequest].map(params =>
    refusal(eve.ask('openDownload', { params, body: {} })),
  );
  expect(await real).toMatch('There is no project');
  expect(await real).toBe(await missingRefusal);
  await expect(paul.ask('showRequest', { params })).rejects.toThrow(/There is no project/);
  const { token } = await rana.ask('openDownload', { params, body: {} });
  await expect(rana.ask('takeDownload', { params, body: { token } })).rejects.toThrow(/belongs to somebody else/);
  expect(await paul.ask('takeDownload', { params, body: { token } })).toMatchObject({ files: 2 });
});
