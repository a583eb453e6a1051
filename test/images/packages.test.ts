import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { listSources, normaliseName, packagePattern } from '../../functions/images/packages/mirror.ts';
import { decidePackage, type PackageCommand } from '../../functions/images/packages/packages.ts';
import { type ListedPackage, PackageName } from '../../functions/images/packages/schemas.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';
import { noon, operatorOlga, stella } from './lifecycle.ts';

const rana = { id: 'sub-rana', name: 'rana' };
const request = { tier: 2, format: 'pypi', name: 'lifelines', project: 'asthma', explanation: 'Survival.' } as const;
const ask: PackageCommand = { do: 'request', by: rana, request };
const decide = (state: ListedPackage | undefined, command: PackageCommand) => decidePackage(state, command, noon);
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

describe('the name of a package', () => {
  it.each([
    ['pypi', 'Scikit_Learn', '/pypi//scikit-learn$'],
    ['npm', 'd3', '/npm//d3$'],
    ['npm', '@types/node', '/npm/types/node$'],
    ['maven', 'org.apache.commons:commons-csv', '/maven/org.apache.commons/commons-csv$'],
  ] as const)('%s %s has a group of its own', (format, name, pattern) =>
    expect(packagePattern(format, normaliseName(format, name))).toBe(pattern),
  );

  it.each(['', '../x', 'a/b', '@a/b/c', 'a b', 'name$', '*', '-x'.repeat(200)])('%j is none', name =>
    expect(PackageName.safeParse(name).success).toBe(false),
  );
});

it('a tier fetches what it has approved, and an open tier everything', () => {
  expect(listSources('pypi', [3], [1])).toEqual(['pypi-1', 'pypi-3']);
  expect(listSources('npm', [], [])).toEqual([]);
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
