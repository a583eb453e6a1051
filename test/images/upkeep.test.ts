import { describe, expect, it } from 'vitest';
import { decideImage, emptyImage } from '../../functions/images/images.ts';
import type { Image } from '../../functions/images/schemas.ts';
import { summariseImage } from '../../functions/images/versions.ts';
import { Config } from '../../lib/config.ts';
import { readBaseFilter, recipeValues } from '../../lib/recipes.ts';
import {
  approveVersion,
  arno,
  buildImage,
  buildOf,
  daysAfterNoon,
  findingOf,
  follow,
  imageRules,
  noon,
  operatorOlga,
  publishWidely,
  runOf,
  withApproved,
} from './lifecycle.ts';
import { imageNames, readRecipe } from './recipes.ts';

const current = { recipe: buildImage.recipe, base: buildOf(1).base };
const published = follow(withApproved(1), publishWidely(1));
const keepUp = (image: Image, inputs: Partial<typeof current> = {}, days = 1) =>
  decideImage(image, { do: 'keepUp', ...current, ...inputs }, imageRules, daysAfterNoon(days));
const valuesOf = (windowsServer: 2022 | 2025) => recipeValues({ windowsServer });
const changedRecipe = { recipe: '1'.repeat(64) };

describe('the daily look at an image', () => {
  it.each([
    ['nothing has changed', {}, 30, []],
    ['its recipe has changed', changedRecipe, 1, ['Its recipe has changed.']],
    ['there is a newer base', { base: 'ami-0newer' }, 1, ['There is a newer base image, ami-0newer.']],
    ['it is old', {}, 31, ['It is 31 days old; an image is built again after 30 days.']],
  ] as const)('builds it only for a cause: %s', (_, inputs, days, causes) => {
    const { state, events } = keepUp(published, inputs, days);
    expect(state.check).toEqual({ at: daysAfterNoon(days), causes });
    expect(state.versions.length).toBe(causes.length + 1);
    expect(events).toMatchObject(causes.map(reason => ({ type: 'ImageBuildStarted', detail: { reason } })));
    expect(summariseImage(state, daysAfterNoon(days)).check?.causes).toEqual(causes);
  });

  it('leaves alone what nobody starts from', () => {
    for (const image of [emptyImage('linux-gpu'), withApproved(1)])
      expect(keepUp(image, changedRecipe).state.versions).toEqual(image.versions);
  });

  it('starts no second build while one runs, and none for what waits for approval', () => {
    const building = keepUp(published, changedRecipe).state;
    expect(keepUp(building, changedRecipe).state.versions.length).toBe(2);
    const awaiting = follow(building, runOf(2), daysAfterNoon(1));
    expect(keepUp(awaiting, changedRecipe).state).toMatchObject({ check: { causes: [] }, versions: awaiting.versions });
  });

  it('does not repeat a failed build each day, but after a week or a change of the recipe', () => {
    const failed = follow(keepUp(published, changedRecipe).state, [
      { do: 'recordFailure', version: 2, attempt: 1, reason: 'A mirror is not there.' },
    ]);
    expect(keepUp(failed, changedRecipe, 2).state.versions.length).toBe(2);
    expect(keepUp(failed, changedRecipe, 9).state.versions.length).toBe(3);
    expect(keepUp(failed, { recipe: '2'.repeat(64) }, 2).state.versions.length).toBe(3);
    const rejectedImage = follow(
      keepUp(published, changedRecipe).state,
      runOf(2, [findingOf('CVE-2026-7', 'critical')]),
    );
    expect(keepUp(rejectedImage, changedRecipe, 2).state.versions.length).toBe(2);
  });

  it('changes nothing that is published, and records why if no version can be added', () => {
    const full = follow(withApproved(20), publishWidely(20));
    const { state } = keepUp(full, changedRecipe);
    expect(state).toMatchObject({ versions: full.versions, check: { causes: ['Its recipe has changed.'] } });
  });
});

it('what the platform started is approved by any operator who changes no recipe', () => {
  const candidate = follow(keepUp(published, changedRecipe).state, runOf(2), daysAfterNoon(1));
  expect(() => decideImage(candidate, approveVersion(candidate, 2, arno), imageRules, noon)).toThrow(
    /author of recipes/,
  );
  const { state } = decideImage(candidate, approveVersion(candidate, 2, operatorOlga), imageRules, noon);
  expect(state.versions.at(-1)).toMatchObject({ status: 'approved', startedBy: { name: 'broch' } });
});

it.each(imageNames)('%s is built on the images that the platform looks for', async name => {
  const { source, locals } = await readRecipe(name);
  const [{ owners, filters }] = source.source_ami_filter;
  const image = name as Parameters<typeof readBaseFilter>[0];
  const text = filters.name === '${local.base}' ? locals.base : filters.name;
  expect(readBaseFilter(image, valuesOf(2025))).toEqual({
    owner: owners[0],
    name: text.replace('${var.windows_version}', '2025'),
  });
});

it('windows-desktop is built on the version of Windows Server that the configuration names', async () => {
  const { variables } = await readRecipe('windows-desktop');
  const { windowsServer } = Config.shape.images.shape;
  expect(variables.windows_version?.default).toBe(String(windowsServer.def.defaultValue));
  for (const version of windowsServer.unwrap().values) {
    // What Packer's validation of the variable accepts.
    expect(variables.windows_version?.validation[0].condition).toContain(`"${version}"`);
    expect(readBaseFilter('windows-desktop', valuesOf(version)).name).toBe(
      `Windows_Server-${version}-English-Full-Base-*`,
    );
  }
});
