import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideCall, decideImage, emptyImage, type ImageCommand } from '../../functions/images/images.ts';
import { FindingPolicy } from '../../functions/images/policy.ts';
import { Image, ImageName, ImageView } from '../../functions/images/schemas.ts';
import { findVersion, publishedWith } from '../../functions/images/versions.ts';
import { Refused } from '../../functions/refused.ts';
import { sampleRuns } from '../trials.ts';
import {
  approveVersion,
  arno,
  buildImage,
  buildOf,
  currentOf,
  daysAfterNoon,
  findingOf,
  follow,
  imageRules,
  noon,
  operatorOlga,
  publishVersion,
  publishWidely,
  runOf,
  stella,
  withApproved,
} from './lifecycle.ts';
import { imageNames } from './recipes.ts';

const empty = emptyImage('linux-desktop');
const statusOf = (image: Image, version: number) => findVersion(image, version).status;
const decide = (image: Image, command: ImageCommand, now = noon) => decideImage(image, command, imageRules, now);

it('every recipe is an image that can be built', () => expect(ImageName.options.toSorted()).toEqual(imageNames));

describe('a build', () => {
  const building = follow(empty, [buildImage]);
  it('goes from its start over tests and findings to approval', () => {
    expect(statusOf(building, 1)).toBe('building');
    const [build, smokeTests, findings] = runOf(1) as [ImageCommand, ImageCommand, ImageCommand];
    expect(statusOf(follow(building, [build]), 1)).toBe('testing');
    expect(statusOf(follow(building, [build, smokeTests]), 1)).toBe('scanning');
    expect(statusOf(follow(building, [build, smokeTests, findings]), 1)).toBe('awaitingApproval');
  });

  it('wakes the workflow, whichever arrives first: the task or the result', () => {
    const task = { do: 'recordTask', version: 1, attempt: 1, token: 'token' } as const;
    const result = { do: 'recordBuild', version: 1, attempt: 1, build: buildOf(1) } as const;
    expect(decide(follow(building, [task]), result).wake).toBe('token');
    expect(decide(follow(building, [result]), task).wake).toBe('token');
    expect(decide(building, task).wake).toBeUndefined();
    // The event is delivered again when the first try to wake the workflow failed.
    expect(decide(follow(building, [task, result]), result).wake).toBe('token');
    const failure = { do: 'recordFailure', version: 1, attempt: 1, reason: 'Packer failed.' } as const;
    expect(decide(follow(building, [task]), failure).wake).toBe('token');
    expect(decide(follow(building, [task, failure]), failure).wake).toBe('token');
  });

  it('is not changed by a step of an earlier attempt, or by a step that comes twice', () => {
    const tested = follow(building, runOf(1));
    const retesting = follow(tested, [{ do: 'retest', by: operatorOlga, version: 1, deadlineSeconds: 60 }]);
    for (const step of runOf(1)) {
      expect(decide(retesting, step)).toMatchObject({ superseded: true, state: retesting });
      if (step.do !== 'recordSmokeTests') expect(decide(tested, step).state).toBe(tested);
    }
  });

  it('is forgotten when it failed and there are many, but never what is published', () => {
    let image = follow(withApproved(1), publishWidely(1));
    for (let number = 2; number < 60; number++)
      image = follow(image, [buildImage, { do: 'recordFailure', version: number, attempt: 1, reason: 'x' }]);
    expect(image.versions.length).toBe(20);
    expect(image.versions.at(-1)?.version).toBe(59);
    expect(currentOf(image)[0]?.version).toBe(1);
  });

  it('is refused once twenty versions are kept, until some are retired', () =>
    expect(() => follow(withApproved(20), [buildImage])).toThrow(/Retire some/));
});

describe('the policy', () => {
  it('rejects a candidate with a critical finding, and says which', () => {
    const image = follow(empty, [buildImage, ...runOf(1, [findingOf('CVE-2026-1', 'critical')])]);
    expect(findVersion(image, 1)).toMatchObject({ status: 'rejected', reason: expect.stringContaining('CVE-2026-1') });
    expect(() => follow(image, [approveVersion(image, 1)])).toThrow(/was rejected/);
  });

  it('is applied again when a version is approved or published, because findings grow older', () => {
    const candidate = follow(empty, [buildImage, ...runOf(1, [findingOf('CVE-2026-2', 'high', 13)])]);
    const approve = approveVersion(candidate, 1);
    expect(() => decide(candidate, approve, daysAfterNoon(2))).toThrow(/CVE-2026-2/);
    const image = follow(candidate, [approve]);
    expect(() => decide(image, publishVersion(1, 'asthma'), daysAfterNoon(2))).toThrow(/CVE-2026-2/);
    const canary = follow(image, [publishVersion(1, 'asthma')]);
    expect(() => decide(canary, publishVersion(1), daysAfterNoon(2))).toThrow(/CVE-2026-2/);
  });
});

describe('an approval', () => {
  const candidate = follow(empty, [buildImage, ...runOf(1)]);
  it('needs a person who neither started the build nor changes recipes', () => {
    expect(() => decide(candidate, approveVersion(candidate, 1, operatorOlga))).toThrow(/You started/);
    expect(() => decide(candidate, approveVersion(candidate, 1, arno))).toThrow(/author of recipes/);
    expect(statusOf(follow(candidate, [approveVersion(candidate, 1)]), 1)).toBe('approved');
  });

  it('is bound to the digest of recipe, base, bill of materials and findings', () => {
    const changes: ImageCommand[][] = [
      [{ ...buildImage, recipe: '0'.repeat(64) }, ...runOf(1)],
      [buildImage, ...runOf(1, [findingOf('CVE-2026-3', 'low')])],
      ...[{ base: 'ami-0other' }, { bill: '1'.repeat(64) }, { ami: 'ami-0123456789abcdef0' }].map(change => [
        buildImage,
        ...runOf(1).map(step => (step.do === 'recordBuild' ? { ...step, build: { ...step.build, ...change } } : step)),
      ]),
    ];
    const approval = approveVersion(candidate, 1);
    for (const commands of changes) expect(() => decide(follow(empty, commands), approval)).toThrow(/digest/);
  });

  it('is void when the findings have changed, and confirmed when they have not', () => {
    const retest = { do: 'retest', by: operatorOlga, version: 1, deadlineSeconds: 60 } as const;
    const testing = follow(withApproved(1), [retest]);
    expect(() => decide(testing, publishVersion(1, 'asthma'))).toThrow(/being tested/);
    expect(statusOf(follow(testing, runOf(1, [], 2)), 1)).toBe('approved');
    const reopened = follow(testing, runOf(1, [findingOf('CVE-2026-4', 'high')], 2));
    expect(statusOf(reopened, 1)).toBe('awaitingApproval');
    expect(statusOf(follow(testing, runOf(1, [findingOf('CVE-2026-4', 'critical')], 2)), 1)).toBe('rejected');
  });
});

describe('a publication', () => {
  it('goes to one project first, and then to everyone', () => {
    const image = withApproved(1);
    expect(() => decide(image, publishVersion(1))).toThrow(/one project first/);
    const canary = follow(image, [publishVersion(1, 'asthma')]);
    expect(findVersion(canary, 1)).toMatchObject({ reach: 'canary', project: 'asthma' });
    expect(currentOf(follow(canary, [publishVersion(1)]))[0]?.version).toBe(1);
  });

  it('of two builds that ran at once keeps their order', () => {
    const pair = withApproved(2);
    const latest = follow(pair, publishWidely(2));
    expect(() => decide(latest, publishVersion(1, 'asthma'))).toThrow(/later than 1/);
    const first = follow(pair, [publishVersion(1, 'asthma')]);
    expect(() => decide(first, publishVersion(2, 'sepsis'))).toThrow(/asthma only/);
    expect(currentOf(follow(pair, [...publishWidely(1), ...publishWidely(2)]))[0]?.version).toBe(2);
  });

  it('is undone by a rollback, and can be repeated', () => {
    const back = { do: 'rollBack', by: operatorOlga, reason: 'The browser does not start.' } as const;
    const pair = follow(withApproved(2), [...publishWidely(1), ...publishWidely(2)]);
    const restored = follow(pair, [back]);
    expect(currentOf(restored)[0]?.version).toBe(1);
    expect(statusOf(restored, 2)).toBe('approved');
    expect(currentOf(follow(restored, publishWidely(2)))[0]?.version).toBe(2);
    expect(() => decide(restored, back)).toThrow(/no earlier version/);
    const canary = follow(withApproved(1, restored), [publishVersion(3, 'asthma'), back]);
    expect(currentOf(canary)[0]?.version).toBe(1);
    expect(statusOf(canary, 3)).toBe('approved');
  });
});

describe('a call whose answer was lost', () => {
  const back = { do: 'rollBack', by: operatorOlga, reason: 'The browser does not start.' } as const;
  const image = follow(withApproved(3), [1, 2, 3].flatMap(publishWidely));
  const call = (state: Image, mark: string) => decideCall(state, mark, () => decide(state, back)).state;

  it('is repeated without effect, so that a rollback goes back once', () => {
    const restored = call(image, 'first');
    expect(currentOf(restored)[0]?.version).toBe(2);
    expect(call(restored, 'first')).toBe(restored);
    expect(currentOf(call(restored, 'second'))[0]?.version).toBe(1);
    expect(currentOf(call(call(image, ''), ''))[0]?.version).toBe(1);
  });

  it('is known although the workflow has changed another version since, and is not shown', () => {
    const row = follow(call(image, 'first'), [buildImage]);
    expect(call(row, 'first')).toBe(row);
    expect(ImageView.parse(row)).not.toHaveProperty('mark');
  });
});

describe('a pin', () => {
  const image = follow(withApproved(2), [...publishWidely(1), ...publishWidely(2)]);
  const pin = (end: string, version = 1) =>
    ({ do: 'pin', by: operatorOlga, version, project: 'asthma', until: end, reason: 'A running study.' }) as const;

  it('keeps a published version for a project until a date', () => {
    expect(follow(image, [pin(daysAfterNoon(30)), pin(daysAfterNoon(10), 2)]).pins).toMatchObject([{ version: 2 }]);
    for (const days of [-1, 0, 181]) expect(() => decide(image, pin(daysAfterNoon(days)))).toThrow(/180 days/);
    expect(() => decide(withApproved(1), pin(daysAfterNoon(1)))).toThrow(/not published/);
  });

  it('can be ended before its date', () => {
    const unpin = { do: 'unpin', by: operatorOlga, project: 'asthma', reason: 'The study has ended.' } as const;
    const pinnedImage = follow(image, [pin(daysAfterNoon(30))]);
    expect(decide(pinnedImage, unpin)).toMatchObject({ state: { pins: [] }, events: [{ type: 'ImageUnpinned' }] });
    expect(() => decide(image, unpin)).toThrow(/keeps no version/);
    expect(() => decide(pinnedImage, unpin, daysAfterNoon(31))).toThrow(/keeps no version/);
  });

  it('keeps the version from being deprecated while it lasts', () => {
    const pinnedImage = follow(image, [pin(daysAfterNoon(30))]);
    const deprecate = { do: 'deprecate', by: operatorOlga, version: 1 } as const;
    expect(() => decide(pinnedImage, deprecate)).toThrow(/keeps linux-desktop 1/);
    expect(statusOf(decide(pinnedImage, deprecate, daysAfterNoon(31)).state, 1)).toBe('deprecated');
  });
});

describe('retirement', () => {
  const image = follow(withApproved(2), [...publishWidely(1), ...publishWidely(2)]);
  const retire = (instances: string[] = [], queues: string[] = []) =>
    ({ do: 'retire', by: operatorOlga, version: 1, instances, queues }) as const;
  const deprecated = follow(image, [{ do: 'deprecate', by: operatorOlga, version: 1 }]);

  it('needs a deprecated version that nothing refers to', () => {
    expect(() => decide(image, retire())).toThrow(/is published/);
    expect(() => decide(image, { do: 'deprecate', by: operatorOlga, version: 2 })).toThrow(/everyone starts from/);
    expect(() => decide(deprecated, retire(['i-1', 'i-2']))).toThrow(/were made from linux-desktop 1: i-1, i-2/);
    expect(() => decide(deprecated, retire([], ['broch-prod-asthma-gpu-spot']))).toThrow(
      /start machines from linux-desktop 1: broch-prod-asthma-gpu-spot\. Close them first/,
    );
    expect(statusOf(follow(deprecated, [retire()]), 1)).toBe('retired');
  });
});

/** Every command of people and steps, about any of the first versions. */
const anyCommand = (image: Image): fc.Arbitrary<ImageCommand> => {
  const version = fc.integer({ min: 1, max: 5 });
  const users = fc.constantFrom([], ['i-1']);
  const person = fc.constantFrom(operatorOlga, stella, arno);
  const attempt = fc.integer({ min: 1, max: 2 });
  const findings = fc.constantFrom([], [findingOf('CVE-2026-5', 'low')], [findingOf('CVE-2026-6', 'critical')]);
  const step = fc.record({ version, attempt });
  const digest = version.map(number => {
    const target = image.versions.find(candidate => candidate.version === number);
    return target && 'digest' in target ? target.digest : '';
  });
  return fc.oneof(
    fc.constant(buildImage),
    step.map(run => ({ ...run, do: 'recordBuild' as const, build: buildOf(run.version) })),
    step.map(run => ({ ...run, do: 'recordSmokeTests' as const })),
    fc.tuple(step, findings).map(([run, list]) => ({ ...run, do: 'recordFindings' as const, findings: list })),
    step.map(run => ({ ...run, do: 'recordFailure' as const, reason: 'A step failed.' })),
    fc.record({ do: fc.constant('approve' as const), by: person, version, digest }),
    fc.record({ do: fc.constant('reject' as const), by: person, version, reason: fc.constant('No.') }),
    fc.record({ do: fc.constant('retest' as const), by: person, version, deadlineSeconds: fc.constant(0) }),
    fc.record({
      do: fc.constant('publish' as const),
      by: person,
      version,
      project: fc.constantFrom('asthma', undefined),
    }),
    fc.record({ do: fc.constant('rollBack' as const), by: person, reason: fc.constant('Faulty.') }),
    fc.record({ do: fc.constant('deprecate' as const), by: person, version }),
    fc.record({ do: fc.constant('retire' as const), by: person, version, instances: users, queues: users }),
  );
};

it('no sequence of commands breaks a rule', () => {
  fc.assert(
    fc.property(fc.gen(), generate => {
      let image = generate(fc.constantFrom, withApproved(2), empty, follow(withApproved(3), publishWidely(1)));
      for (let turn = 0; turn < 25; turn++) {
        const command = generate(anyCommand, image);
        const previous = image;
        try {
          image = decideImage(previous, command, imageRules, noon).state;
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
        }
        Image.parse(image);
        expect(currentOf(image).length).toBeLessThanOrEqual(1);
        expect(publishedWith(image, 'canary').length).toBeLessThanOrEqual(1);
        for (const version of image.versions) {
          if (!('approval' in version) || !version.approval) continue;
          expect([version.startedBy.id, arno.id]).not.toContain(version.approval.by.id);
          if ('digest' in version) expect(version.approval.digest).toBe(version.digest);
        }
        // Only people change what desktops start from, with these two commands.
        if (command.do !== 'publish' && command.do !== 'rollBack')
          expect(currentOf(image).map(({ version }) => version)).toEqual(
            currentOf(previous).map(({ version }) => version),
          );
        if (command.do === 'publish' && currentOf(previous)[0])
          expect(currentOf(image)[0]?.version).toBeGreaterThanOrEqual(currentOf(previous)[0]?.version ?? 0);
      }
    }),
    { numRuns: sampleRuns(100) },
  );
});

it('the API shows no token of a workflow', () => {
  const image = follow(empty, [buildImage, { do: 'recordTask', version: 1, attempt: 1, token: 'secret-token' }]);
  expect(JSON.stringify(Image.parse(image))).toContain('secret-token');
  expect(JSON.stringify(ImageView.parse(image))).not.toContain('secret-token');
});

it('a policy without settings refuses critical findings at once', () =>
  expect(FindingPolicy.parse({})).toEqual({ maxDays: { critical: 0, high: 14, medium: 90 }, exceptions: [] }));
