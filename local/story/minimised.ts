import type { DemoSetup } from '../demo-setup.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { DatasetList, LIST_KEY, readText } from './dataset-list.ts';
import { withDesktopFolder } from './desktop.ts';
import { pollUntilSettled } from './until.ts';

const dataset = 'open-charts';
const file = 'seattle-weather.csv';
const params = { project: 'asthma' };
const recipe = {
  recipe: 1 as const,
  tables: [
    {
      path: file,
      columns: [
        { name: 'date', do: 'date' as const, to: 'month' as const, format: 'yyyy-mm-dd' as const, as: 'month' },
        { name: 'temp_max', do: 'number' as const, step: 5, as: 'warmest' },
        { name: 'weather', do: 'keep' as const },
      ],
    },
  ],
};

/** Asks for the dataset with the recipe, has it approved, and waits until its minimised version exists. */
async function makeMinimisedVersion(stage: DemoSetup) {
  const rana = stage.as('rana');
  const endsAt = new Date(Date.now() + 7 * 24 * 3600 * 1000).toISOString();
  const body = { dataset, purpose: 'research' as const, endsAt, explanation: 'Weather by month.', recipe };
  const request = await rana.ask('requestUse', { params, body });
  await stage.as('stella').ask('approveUse', {
    params: { ...params, use: request.id },
    body: { recipe: request.recipeDigest },
  });
  const use = await pollUntilSettled(
    async () => (await rana.ask('listProjectUses', { params })).items.find(({ id }) => id === request.id),
    item => item?.status === 'ended' || (item?.status === 'approved' && item.minimised !== undefined),
  );
  assertHolds(use?.status === 'approved' && use.minimised, `the use is ${JSON.stringify(use)}`);
  return { use: use.id, deliveredPrefix: use.prefix, minimised: use.minimised };
}

/** A project gets only the columns of a dataset that it needs, coarsened as its owner approved, and gives them back. */
export const tellMinimisedVersion: ChapterTeller = async (stage, tell) => {
  const { use } = await tell('Rana asks for three columns only, and her desktop reads just these', async () => {
    const { use, deliveredPrefix, minimised } = await makeMinimisedVersion(stage);
    const [table, original] = await withDesktopFolder(stage, 'asthma', async ({ s3, bucket }) => {
      const list = await pollUntilSettled(
        async () => DatasetList.parse(JSON.parse(await readText(s3, bucket, LIST_KEY))),
        ({ datasets }) => datasets.some(({ version }) => version === minimised.version),
      );
      const place = list.datasets.find(({ version }) => version === minimised.version)?.prefix;
      const text = await pollUntilSettled(
        () => readText(s3, list.bucket, `${place}${file}`),
        answer => answer !== 'AccessDenied',
      );
      return [text, await readText(s3, list.bucket, `${deliveredPrefix}data/${file}`)];
    });
    const [header, firstRow] = table.split('\n');
    assertHolds(header === 'month,warmest,weather' && firstRow === '2012-01,10,drizzle', table.slice(0, 100));
    assertHolds(original === 'AccessDenied', `the delivered table was answered with ${original.slice(0, 100)}`);
    return {
      message: `Stella approved the recipe by its SHA-256. Broch read ${minimised.rowsRead} rows and wrote ${minimised.rowsWritten}: ${header}, then ${firstRow}. Her desktop cannot read the delivered table (${original}).`,
      ids: { use, version: minimised.version },
      use,
    };
  });
  await stage.as('rana').ask('endUse', { params: { ...params, use }, body: { reason: 'The analysis is finished.' } });
};
