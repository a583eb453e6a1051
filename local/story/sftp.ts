import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PartnerTerms } from '../../functions/ingest/partner-schemas.ts';
import { createTempDir } from '../../lib/temp-dir.ts';
import { repositoryRoot } from '../cloud.ts';
import { makeSshKey, runSftp, sftpClientName } from '../sftp-client.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { pollUntilSettled } from './until.ts';

const dataset = 'sea-wind';
const file = 'windvectors.csv';

/** A partner who has nothing but an SFTP client delivers a file, under a temporary name first as many clients do. */
export const tellSftpDelivery: ChapterTeller = async (stage, tell) => {
  await tell(`Petra delivers a file by SFTP (${sftpClientName()})`, async () => {
    const [olga, petra, params] = [stage.as('olga'), stage.as('petra'), { name: 'petra' }];
    const { datasets, ...terms } = PartnerTerms.parse(await olga.ask('showPartner', { params }));
    await olga.ask('registerPartner', { params, body: { ...terms, datasets: [...new Set([...datasets, dataset])] } });
    const folder = createTempDir('sftp');
    const { file: key, line } = makeSshKey(join(folder, 'key'));
    await olga.ask('setPartnerKeys', { params, body: { keys: [line] } });
    const bytes = readFileSync(join(repositoryRoot, 'node_modules/vega-datasets/data', file));
    writeFileSync(join(folder, file), bytes);
    writeFileSync(join(folder, 'SHA256SUMS'), `${createHash('sha256').update(bytes).digest('hex')}  ${file}\n`);
    const upload = (name: string) => [
      `put ${name} /${dataset}/${name}.part`,
      `rename /${dataset}/${name}.part /${dataset}/${name}`,
    ];
    const account = { port: stage.facts.ports.sftp, user: 'petra', key };
    const { code, output } = await runSftp(account, [...upload(file), ...upload('SHA256SUMS')], folder);
    assertHolds(code === 0, `sftp ended with ${code}: ${output.slice(-500)}`);
    const delivery = await pollUntilSettled(
      async () => (await petra.ask('listDeliveries', {})).items.find(item => item.dataset === dataset),
      item => item?.status === 'registered' || item?.status === 'held',
    );
    assertHolds(delivery?.status === 'registered', `the delivery is ${delivery?.status}`);
    return {
      message: `${file} is a version of ${dataset}. Petra signed in with a key and saw one folder for it, no shell and nobody else's files.`,
      ids: { delivery: delivery.id },
    };
  });
};
