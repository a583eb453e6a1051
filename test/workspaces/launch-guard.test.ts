import { describe, expect, it } from 'vitest';
import { emptyImage } from '../../functions/images/images.ts';
import type { Image } from '../../functions/images/schemas.ts';
import { findPublished, selectVersion } from '../../functions/images/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import { describeImage } from '../../functions/workspaces/image-age.ts';
import { Workspace } from '../../functions/workspaces/schemas.ts';
import {
  buildImage,
  buildOf,
  daysAfterNoon,
  follow,
  noon,
  operatorOlga,
  publishVersion,
  publishWidely,
  runOf,
  withApproved,
} from '../images/lifecycle.ts';

const select = (image: Image | undefined, project = 'asthma', now = noon) =>
  selectVersion('linux-desktop', image, project, now).build.ami;
const amiOf = (version: number) => buildOf(version).ami;
const pinVersion = (version: number, days: number) =>
  ({
    do: 'pin',
    by: operatorOlga,
    version,
    project: 'asthma',
    until: daysAfterNoon(days),
    reason: 'A running study.',
  }) as const;

describe('a desktop is refused', () => {
  it.each([
    ['no image', undefined],
    ['an image without versions', emptyImage('linux-desktop')],
    ['a candidate', follow(emptyImage('linux-desktop'), [buildImage, ...runOf(1)])],
    ['an approved version that is not published', withApproved(1)],
    [
      'a version that was taken back and is deprecated',
      follow(withApproved(1), [
        publishVersion(1, 'asthma'),
        { do: 'rollBack', by: operatorOlga, reason: 'Faulty.' },
        { do: 'deprecate', by: operatorOlga, version: 1 },
      ]),
    ],
  ] as const)('for %s', (_, image) => {
    expect(() => select(image)).toThrow(Refused);
    // Machines of batch jobs have another image to start from.
    expect(findPublished(image, 'asthma', noon)).toBeUndefined();
  });

  it('for a canary of another project', () =>
    expect(() => select(follow(withApproved(1), [publishVersion(1, 'sepsis')]))).toThrow(Refused));
});

describe('a desktop starts', () => {
  const image = follow(withApproved(3), [...publishWidely(1), ...publishWidely(2), publishVersion(3, 'asthma')]);

  it('from the canary of its project, and elsewhere from what everyone has', () => {
    expect(select(image)).toBe(amiOf(3));
    expect(select(image, 'sepsis')).toBe(amiOf(2));
  });

  it('from the version that its project pinned, until the pin ends', () => {
    const pinnedImage = follow(image, [pinVersion(1, 10)]);
    expect(select(pinnedImage)).toBe(amiOf(1));
    expect(select(pinnedImage, 'sepsis')).toBe(amiOf(2));
    expect(select(pinnedImage, 'asthma', daysAfterNoon(10))).toBe(amiOf(3));
  });

  it('from the earlier version after a rollback, also where the later one was pinned', () => {
    const back = { do: 'rollBack', by: operatorOlga, reason: 'Faulty.' } as const;
    expect(select(follow(image, [pinVersion(2, 10), back, back]))).toBe(amiOf(1));
  });
});

describe('the owner of a workspace sees', () => {
  const image = follow(withApproved(2), [...publishWidely(1), ...publishWidely(2)]);
  const back = { do: 'rollBack', by: operatorOlga, reason: 'Faulty.' } as const;
  const common = {
    id: 'ws-001122334455',
    project: 'asthma',
    owner: 'sub-rana',
    ownerName: 'rana',
    kind: 'desktop',
    size: 'small',
    requestedAt: noon,
    attempt: 1,
    attemptedAt: noon,
    reason: 'Stopped by rana.',
  };
  const workspaceFrom = (imageId: string) =>
    Workspace.parse({
      ...common,
      status: 'stopped',
      stoppedAt: noon,
      instanceId: 'i-0011223344556677',
      address: '10.64.0.5',
      imageId,
    });
  const see = (version: number, row = image) => describeImage(workspaceFrom(amiOf(version)), row, daysAfterNoon(40));

  it('the version that the machine was made from, and its age', () =>
    expect(see(2)).toEqual({ name: 'linux-desktop', version: 2, ageDays: 40, published: 2 }));

  it('which version a new machine gets, after a publication, a rollback and with a pin, and how to get it', () => {
    expect(see(1)).toMatchObject({ version: 1, published: 2, advice: expect.stringMatching(/For version 2, archive/) });
    expect(see(2, follow(image, [back]))).toMatchObject({ version: 2, published: 1, advice: expect.anything() });
    expect(see(1, follow(image, [pinVersion(1, 60)]))).not.toHaveProperty('advice');
  });

  it('the version of a stopped machine that is to start again, which is the same machine', () => {
    const earlierInstance = { instanceId: 'i-0011223344556677', address: '10.64.0.5', imageId: amiOf(1) };
    const requested = Workspace.parse({ ...common, status: 'requested', earlierInstance });
    expect(describeImage(requested, image, noon)).toMatchObject({ version: 1, published: 2 });
  });

  it('no version without a machine, or of an image that Broch did not build', () => {
    const requested = Workspace.parse({ ...common, status: 'requested' });
    expect(describeImage(requested, image, noon)).toBeUndefined();
    expect(describeImage(workspaceFrom('ami-0ffffffffffffffff'), image, noon)).toBeUndefined();
    expect(describeImage(workspaceFrom(amiOf(1)), undefined, noon)).toBeUndefined();
  });
});
