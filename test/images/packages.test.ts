import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { listTiers, packagePattern, toMirrored } from '../../functions/images/packages/mirror.ts';
import { decidePackage, isCounted, type PackageCommand } from '../../functions/images/packages/packages.ts';
import { type ListedPackage, PackageName, PackageTier } from '../../functions/images/packages/schemas.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';
import { noon, operatorOlga, stella } from './lifecycle.ts';

const rana = { id: 'sub-rana', name: 'rana' };
const request = { tier: 2, format: 'pypi', name: 'lifelines', project: 'asthma', explanation: 'Survival.' } as const;
const ask: PackageCommand = { do: 'request', by: rana, request };
const decide = (state: ListedPackage | undefined, command: PackageCommand, count = 0) =>
  decidePackage(state, command, { count, limit: 2 }, noon);
const requestedPackage = decide(undefined, ask).state;

describe('a package', () => {
  it('is requested, and then approved or refused by somebody else', () => {
    expect(decide(undefined, ask)).toMatchObject({
      state: { status: 'requested' },
      events: [{ type: 'PackageRequested' }],
    });
    expect(decide(requestedPackage, { do: 'approve', by: stella })).toMatchObject({
      state: { status: 'approved', approvedBy: { name: 'stella' } },
      events: [{ type: 'PackageApproved', detail: { tier: 2, format: 'pypi', name: 'lifelines' } }],
    });
    expect(decide(requestedPackage, { do: 'refuse', by: stella, reason: 'Unknown authors.' })).toMatchObject({
      state: { status: 'refused', reason: 'Unknown authors.' },
    });
    expect(() => decide(requestedPackage, { do: 'approve', by: rana })).toThrow(/somebody else/);
    expect(() => decide(undefined, { do: 'approve', by: stella })).toThrow(/Nobody has asked/);
  });

  it('is decided once, and can be requested again only after a refusal', () => {
    const approvedPackage = decide(requestedPackage, { do: 'approve', by: stella }).state;
    expect(() => decide(approvedPackage, { do: 'refuse', by: operatorOlga, reason: 'No.' })).toThrow(
      /approved already/,
    );
    for (const state of [requestedPackage, approvedPackage])
      expect(decide(state, ask)).toMatchObject({ state, events: [] });
    const refusedPackage = decide(requestedPackage, { do: 'refuse', by: stella, reason: 'No.' }).state;
    expect(decide(refusedPackage, ask).state?.status).toBe('requested');
  });
});

describe('taking a package back', () => {
  const approvedPackage = decide(requestedPackage, { do: 'approve', by: stella }).state;
  const takeBack: PackageCommand = { do: 'revoke', by: stella, reason: 'It is malicious.' };
  const revokedPackage = decide(approvedPackage, takeBack).state;

  it('needs no second person, a reason, and is on record with the approval', () => {
    expect(decide(approvedPackage, takeBack)).toMatchObject({
      state: { status: 'revoked', approvedBy: { name: 'stella' }, revokedBy: { name: 'stella' } },
      events: [{ type: 'PackageRevoked', detail: { name: 'lifelines', reason: 'It is malicious.' } }],
    });
    expect(decide(revokedPackage, takeBack)).toMatchObject({ state: revokedPackage, events: [] });
  });

  it('is for what was approved', () => {
    expect(() => decide(undefined, takeBack)).toThrow(/Nobody has asked/);
    expect(() => decide(requestedPackage, takeBack)).toThrow(/requested.*broch packages refuse/);
    const refusedPackage = decide(requestedPackage, { do: 'refuse', by: stella, reason: 'No.' }).state;
    expect(() => decide(refusedPackage, takeBack)).toThrow(/is refused, so there is nothing to take back/);
  });

  it('lasts until an operator or a data steward who did not ask for it approves it again', () => {
    expect(() => decide(revokedPackage, ask)).toThrow(
      /stella took lifelines back for tier 2\. .*The reason was: It is malicious\./,
    );
    expect(() => decide(revokedPackage, { do: 'refuse', by: stella, reason: 'No.' })).toThrow(/is revoked already/);
    expect(() => decide(revokedPackage, { do: 'approve', by: rana })).toThrow(/somebody else/);
    const { state, events } = decide(revokedPackage, { do: 'approve', by: operatorOlga });
    expect(events).toMatchObject([{ type: 'PackageApproved' }]);
    expect(state).toMatchObject({ status: 'approved', approvedBy: { name: 'olga' } });
    expect(state).not.toHaveProperty('revokedBy');
  });
});

describe('the number of packages of a project', () => {
  it('is limited, and a package that is on the list already needs no place', () => {
    expect(decide(undefined, ask, 1).state).toMatchObject({ status: 'requested' });
    expect(() => decide(undefined, ask, 2)).toThrow(
      /asthma has 2 packages on the lists, which is its limit.*packages\.perProject/,
    );
    expect(decide(requestedPackage, ask, 2)).toMatchObject({ events: [] });
  });

  it('counts what waits and what is approved', () => {
    const approvedPackage = decide(requestedPackage, { do: 'approve', by: stella }).state;
    const refusedPackage = decide(requestedPackage, { do: 'refuse', by: stella, reason: 'No.' }).state;
    const revokedPackage = decide(approvedPackage, { do: 'revoke', by: stella, reason: 'No.' }).state;
    expect([undefined, requestedPackage, approvedPackage, refusedPackage, revokedPackage].map(isCounted)).toEqual([
      ...[false, true, true, false, false],
    ]);
  });
});

describe('the name of a package', () => {
  it.each([
    ['pypi', 'Scikit_Learn', '/pypi//scikit-learn$'],
    ['npm', 'd3', '/npm//d3$'],
    ['npm', '@types/node', '/npm/types/node$'],
    ['maven', 'org.apache.commons:commons-csv', '/maven/org.apache.commons/commons-csv$'],
  ] as const)('%s %s has a group of its own', (format, name, pattern) =>
    expect(packagePattern(toMirrored(format, name))).toBe(pattern),
  );

  it.each(['', '../x', 'a/b', '@a/b/c', 'a b', 'name$', '*', '-x'.repeat(200)])('%j is none', name =>
    expect(PackageName.safeParse(name).success).toBe(false),
  );
});

it.each([
  [{ 3: 'approved' }, [1], [1, 3]],
  [{ 2: 'requested', 3: 'refused' }, [], []],
  [{ 2: 'revoked', 3: 'approved' }, [1, 2], [1, 3]],
  [{ 1: 'revoked', 2: 'revoked' }, [1, 2, 3], [3]],
] as const)('a package with the decisions %j and the open tiers %j is for the tiers %j', (statuses, open, tiers) => {
  const entries = Object.entries(statuses).map(
    ([tier, status]) => [PackageTier.parse(Number(tier)), status as ListedPackage['status']] as const,
  );
  expect(listTiers(new Map(entries), open)).toEqual(tiers);
});

describe('the mirror', () => {
  const { images = expect.fail() } = synthesiseApp().stacks as Record<string, Stack>;
  const template = Template.fromStack(images);
  const repositories = Object.values(template.findResources('AWS::CodeArtifact::Repository')).map(
    ({ Properties, DependsOn = [] }) =>
      ({ ...Properties, DependsOn }) as {
        RepositoryName: string;
        ExternalConnections?: string[];
        Upstreams?: string[];
        DependsOn: string[];
      },
  );

  it('blocks what no list allows, before a repository is connected to a registry', () => {
    const groups = findTemplateResources(template, 'AWS::CodeArtifact::PackageGroup');
    expect(groups.map(([, { Properties }]) => Properties.Pattern)).toEqual(['/pypi/*', '/npm/*', '/maven/*']);
    for (const [id, { Properties }] of groups) {
      const format = String(Properties.Pattern).split('/')[1];
      expect(Properties.OriginConfiguration).toMatchObject({
        Restrictions: {
          ExternalUpstream: { RestrictionMode: 'ALLOW_SPECIFIC_REPOSITORIES', Repositories: [`${format}-1`] },
          Publish: { RestrictionMode: 'BLOCK' },
        },
      });
      for (const { ExternalConnections, DependsOn } of repositories)
        if (ExternalConnections) expect(DependsOn).toContain(id);
    }
  });

  it('lets a tier read only what was fetched for that tier', () => {
    const tiers = repositories.filter(({ Upstreams }) => Upstreams);
    expect(tiers.map(({ RepositoryName }) => RepositoryName)).toEqual(['tier-1', 'tier-2', 'tier-3']);
    for (const { RepositoryName, Upstreams = [], ExternalConnections } of tiers) {
      expect(ExternalConnections).toBeUndefined();
      expect(Upstreams).toEqual(['pypi', 'npm', 'maven'].map(format => `${format}-${RepositoryName.at(-1)}`));
    }
  });
});
