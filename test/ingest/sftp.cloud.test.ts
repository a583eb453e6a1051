import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminDisableUserCommand, CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { createTempDir } from '../../lib/temp-dir.ts';
import { makeSshKey, openSshOptions, runSftp, runWithInput, sftpClientName } from '../../local/sftp-client.ts';
import { castMember } from '../airlock/cast.ts';
import { connectTestCloud } from '../cloud.ts';
import { pauseSince } from '../pause.ts';
import { openAgreement } from './agreement.ts';
import { addSha256Sums, type DeliveryFiles } from './delivery.ts';
import { signInNewPerson, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();
const folder = createTempDir('sftp');
const { sftp: port } = cloud.ports;
const isOpenSsh = sftpClientName() === 'OpenSSH sftp';

/** The commands that upload files, the manifest last: each under a temporary name first if `temporary` gives one. */
const putCommands = (dataset: string, files: DeliveryFiles, temporary?: (path: string) => string): string[] =>
  Object.entries(files).flatMap(([path, content], index) => {
    writeFileSync(join(folder, `${dataset}-${index}`), content);
    const put = (target: string) => `put ${dataset}-${index} /${dataset}/${target}`;
    if (!temporary) return [put(path)];
    return [put(temporary(path)), `rename /${dataset}/${temporary(path)} /${dataset}/${path}`];
  });

/** A new partner whose agreement names these datasets, with a key. */
async function registerSftpPartner(word: string, datasets: string[]) {
  const api = await signInNewPerson(cloud, `sftp-${word}`, 'partner');
  const { name } = api;
  const olga = castMember('olga');
  const agree = (terms: object = {}) =>
    olga.ask('registerPartner', { params: { name }, body: { ...openAgreement, datasets, ...terms } });
  const setKeys = (keys: string[]) => olga.ask('setPartnerKeys', { params: { name }, body: { keys } });
  const { file: key, line } = makeSshKey(join(folder, `${word}-key`));
  await agree();
  await setKeys([`${line} ${word}@tayside`]);
  const account = { port, user: name, key };
  const sftp = (commands: readonly string[], change: Partial<typeof account> = {}) =>
    runSftp({ ...account, ...change }, commands, folder);
  return { api, name, line, account, agree, setKeys, sftp };
}
type SftpPartner = Awaited<ReturnType<typeof registerSftpPartner>>;

/** The newest delivery of a dataset. */
async function findDelivery(api: ApiClient, dataset: string): Promise<string> {
  const { items } = await api.ask('listDeliveries', {});
  const delivery = items.find(item => item.dataset === dataset);
  if (!delivery) throw new Error(`there is no delivery of ${dataset}`);
  return delivery.id;
}

let paula: SftpPartner;
let quinn: SftpPartner;
beforeAll(async () => {
  paula = await registerSftpPartner('paula', ['sftp-visits', 'sftp-beds', 'sftp-family-*']);
  quinn = await registerSftpPartner('quinn', ['sftp-wards']);
});

describe(`a delivery by SFTP (${sftpClientName()})`, () => {
  it('becomes a version once the manifest is there, and its receipt can be read', async () => {
    const { sftp, api } = paula;
    const files = addSha256Sums({ 'visits.csv': 'id,days\n1,2\n', 'notes.txt': 'none' });
    expect(await sftp(putCommands('sftp-visits', files))).toMatchObject({ code: 0 });
    const id = await findDelivery(api, 'sftp-visits');
    expect(await waitForDelivery(api, id)).toMatchObject({ status: 'registered', files: 2 });
    const receipt = `receipt-${id}`;
    for (const start = Date.now(); Date.now() < start + 30_000; await pauseSince(start))
      if ((await sftp([`get /receipts/sftp-visits-${id}.json ${receipt}`])).code === 0) break;
    const { revision: _, ...answer } = {
      revision: 0,
      ...(await api.ask('showDelivery', { params: { delivery: id } })),
    };
    expect(JSON.parse(readFileSync(join(folder, receipt), 'utf8'))).toEqual(answer);
    const listing = await sftp(['ls /', 'ls /sftp-visits']);
    expect(listing.output).toContain('receipts');
    expect(listing.output).not.toMatch(/sftp-family|visits\.csv/);
    expect(await findDelivery(api, 'sftp-visits')).not.toBe(id);
  });

  it('takes files under temporary names, which neither complete nor disturb it', async () => {
    const { sftp, api } = paula;
    const files = addSha256Sums({ 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n' });
    const commands = putCommands('sftp-beds', files, path => `.${path}.filepart`);
    // All files and the manifest are there, the manifest under its temporary name.
    expect(await sftp(commands.slice(0, -1))).toMatchObject({ code: 0 });
    const id = await findDelivery(api, 'sftp-beds');
    expect(await api.ask('showDelivery', { params: { delivery: id } })).toMatchObject({ status: 'open' });
    // S3 renames by copying: the check may begin before the temporary one is removed. This one stays there.
    const commandsBefore = [
      'put sftp-beds-2 /sftp-beds/SHA256SUMS.part',
      'mkdir /sftp-beds/empty',
      'chmod 600 /sftp-beds/a.csv',
    ];
    expect(await sftp([...commandsBefore, ...commands.slice(-1)])).toMatchObject({ code: 0 });
    expect(await waitForDelivery(api, id)).toMatchObject({ status: 'registered', files: 2 });
  });

  it('is held for a file that is not listed, and goes on in the same folder', async () => {
    const { sftp, api } = quinn;
    const files = addSha256Sums({ 'wards.csv': 'id\n1\n' });
    const extra = [...putCommands('sftp-wards', { 'more.csv': 'id\n2\n' })];
    expect(await sftp([...extra, ...putCommands('sftp-wards', files)])).toMatchObject({ code: 0 });
    const id = await findDelivery(api, 'sftp-wards');
    const first = await waitForDelivery(api, id);
    expect(first).toMatchObject({ status: 'held', findings: [{ path: 'more.csv' }] });
    const correction = [
      'rm /sftp-wards/more.csv',
      ...putCommands('sftp-wards', { SHA256SUMS: files.SHA256SUMS ?? '' }),
    ];
    expect(await sftp(correction)).toMatchObject({ code: 0 });
    const check = 'check' in first ? first.check : undefined;
    expect(await waitForDelivery(api, id, check)).toMatchObject({ status: 'registered', files: 1 });
  });
});

describe('a session by SFTP', () => {
  it.each([
    ['outside of its folders', 'put x /x.csv'],
    ['above them', 'put x /../../x.csv'],
    ['above one of them', 'put x /sftp-visits/../../../x.csv'],
    ['in a folder of another partner', 'put x /sftp-wards/x.csv'],
    ['a receipt', 'put x /receipts/x.json'],
    ['a whole folder', 'rename /sftp-visits /sftp-other'],
    ['a link', 'symlink /etc/passwd /sftp-visits/x.csv'],
    ['a new folder beside them', 'mkdir /sftp-other'],
  ])('writes nothing: %s', async (_, command) => {
    writeFileSync(join(folder, 'x'), 'x');
    expect((await paula.sftp([command])).code).not.toBe(0);
  });

  it.each([
    ['the bucket', 'ls /in'],
    ['what is above', 'get ../../in/x'],
    ['the receipts of another', 'ls /receipts/../../receipts/x'],
  ])('reads nothing: %s', async (_, command) => {
    expect((await paula.sftp([command])).code).not.toBe(0);
  });

  it.skipIf(!isOpenSsh).each([
    ['a shell', []],
    ['a terminal', ['-tt']],
    ['a command', ['--', 'id']],
    ['a port of the server', ['-W', `127.0.0.1:${new URL(cloud.plain).port}`]],
    ['a port of the client', ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:9']],
  ])('does not give %s', async (_, [first, ...rest]) => {
    const options = [...openSshOptions(paula.account), '-p', String(port)];
    const place = `${paula.name}@127.0.0.1`;
    const words = first === '--' ? [place, ...rest] : [...(first ? [first] : []), ...rest, place];
    const { code, output } = await runWithInput(['ssh', ...options, ...words], 'id\n');
    expect(code).not.toBe(0);
    expect(output).not.toMatch(/uid=/);
  });
});

describe('a sign-in by SFTP', () => {
  it('needs a key, an agreement that holds, the right network and an account', async () => {
    const rosa = await registerSftpPartner('rosa', ['sftp-rosa']);
    const tries = async (change: object = {}) => (await rosa.sftp(['ls /'], change)).code;
    const refusalCode = 255;
    const otherKey = makeSshKey(join(folder, 'other-key'));
    expect(await tries()).toBe(0);
    const outcomes: Record<string, number> = {
      'another key': await tries({ key: otherKey.file }),
      'the name of another partner': await tries({ user: quinn.name }),
      'an unknown name': await tries({ user: 'nobody-at-all' }),
      'somebody who is no partner': await tries({ user: castMember('olga').name }),
    };
    const cases: [string, () => Promise<unknown>][] = [
      [
        'an agreement that ended',
        () => rosa.agree({ startsAt: '2020-01-01T00:00:00Z', endsAt: '2021-01-01T00:00:00Z' }),
      ],
      ['an agreement that begins later', () => rosa.agree({ startsAt: '2120-01-01T00:00:00Z' })],
      ['another network', () => rosa.agree({ networks: ['192.0.2.0/24'] })],
    ];
    for (const [name, change] of cases) {
      await change();
      outcomes[name] = await tries();
    }
    await rosa.agree({ networks: ['127.0.0.0/8'] });
    expect(await tries()).toBe(0);
    await rosa.setKeys([otherKey.line]);
    outcomes['a key that was replaced'] = await tries();
    expect(await tries({ key: otherKey.file })).toBe(0);
    await rosa.setKeys([]);
    outcomes['no key any more'] = await tries({ key: otherKey.file });
    await rosa.setKeys([rosa.line]);
    const cognito = new CognitoIdentityProviderClient(cloud.configuration);
    const account = { UserPoolId: cloud.outputs['data.Pool'], Username: rosa.name };
    await cognito.send(new AdminDisableUserCommand(account));
    outcomes['an account that is disabled'] = await tries();
    if (!isOpenSsh) for (const name of Object.keys(outcomes)) outcomes[name] = outcomes[name] === 1 ? refusalCode : 0;
    expect(new Set(Object.values(outcomes)), JSON.stringify(outcomes)).toEqual(new Set([refusalCode]));
  });
});
