import { Stack } from 'aws-cdk-lib';
import { CfnDomain, CfnPackageGroup, CfnRepository } from 'aws-cdk-lib/aws-codeartifact';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/images/packages/api.lambda.ts';
import type * as Apply from '../functions/images/packages/apply.lambda.ts';
import { PackageApproved, PackageRevoked, PackageTierSet } from '../functions/images/packages/events.ts';
import { hasPackageMirror, sourceRepository, tierRepository } from '../functions/images/packages/mirror.ts';
import { mirroredFormats, PACKAGE_TIER_TAG, packageTiers } from '../functions/images/packages/schemas.ts';
import type * as Tier from '../functions/images/packages/tier.lambda.ts';
import { environmentName } from '../functions/names.ts';
import { accessTo, groupsAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { PROJECT_IAM_PATH, packageDomain } from './project/names.ts';

/** The public registry of each format: https://docs.aws.amazon.com/codeartifact/latest/ug/external-connection.html */
const registries = { pypi: 'public:pypi', npm: 'public:npmjs', maven: 'public:maven-central' } as const;

export interface PackagesProps {
  readonly core: Core;
  readonly people: People;
  readonly api: Api;
}

/**
 * The mirror of package registries, with a list of allowed packages for each tier. It costs nothing while nobody uses it but
 * the storage of what was fetched.
 */
export class Packages extends Construct {
  constructor(scope: Construct, id: string, props: PackagesProps) {
    super(scope, id);
    // Elsewhere the lists say what an organisation's own mirror should hold.
    if (hasPackageMirror(props.core.config.region)) {
      this.createMirror(props.core);
      this.applyApprovals(props.core);
    }
    this.createFunctions(props);
  }

  /**
   * A repository for each tier, which reads from one for each format, which alone is connected to a public registry. What no
   * package group allows cannot be fetched: the groups are there before the connections.
   */
  private createMirror({ config }: Core): void {
    const domainName = packageDomain(config.environment);
    const domain = new CfnDomain(this, 'Domain', { domainName });
    const groups = mirroredFormats.map(format => {
      const group = new CfnPackageGroup(this, `All-${format}`, {
        domainName,
        pattern: `/${format}/*`,
        description: 'Broch: what no list of a tier allows',
        originConfiguration: {
          restrictions: {
            externalUpstream: {
              restrictionMode: 'ALLOW_SPECIFIC_REPOSITORIES',
              repositories: config.packages.openTiers.map(tier => sourceRepository(format, tier)),
            },
            internalUpstream: { restrictionMode: 'ALLOW' },
            publish: { restrictionMode: 'BLOCK' },
          },
        },
      });
      group.addResourceDependency(domain);
      return group;
    });
    for (const tier of packageTiers) {
      const sources = mirroredFormats.map(format => {
        const source = new CfnRepository(this, `Source-${format}-${tier}`, {
          domainName,
          repositoryName: sourceRepository(format, tier),
          description: `Broch: ${format} packages of tier ${tier}`,
          externalConnections: [registries[format]],
        });
        for (const group of groups) source.addResourceDependency(group);
        return source;
      });
      const repository = new CfnRepository(this, `Tier-${tier}`, {
        domainName,
        repositoryName: tierRepository(tier),
        description: `Broch: what desktops of tier ${tier} install`,
        upstreams: mirroredFormats.map(format => sourceRepository(format, tier)),
      });
      for (const source of sources) repository.addResourceDependency(source);
    }
  }

  private applyApprovals(core: Core): void {
    const { environment, packages } = core.config;
    const { partition, region, account } = Stack.of(this);
    const domain = packageDomain(environment);
    const arn = (resource: string) => `arn:${partition}:codeartifact:${region}:${account}:${resource}`;
    const apply = new Handler<typeof Apply>(this, 'Apply', {
      core,
      entry: 'images/packages/apply.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { packages: ['GetItem'] }),
        DOMAIN: accessTo(
          domain,
          // It has no resource-level permissions.
          new PolicyStatement({ actions: ['codeartifact:CreatePackageGroup'], resources: ['*'] }),
          new PolicyStatement({
            actions: [
              'codeartifact:ListAllowedRepositoriesForGroup',
              'codeartifact:UpdatePackageGroupOriginConfiguration',
            ],
            resources: [arn(`package-group/${domain}/*`)],
          }),
          new PolicyStatement({
            actions: ['codeartifact:DeletePackage'],
            resources: [arn(`package/${domain}/*`)],
          }),
        ),
        OPEN_TIERS: JSON.stringify(packages.openTiers),
      },
    });
    core.onEvent(this, 'PackageApproved', PackageApproved, apply, 'critical');
    // Until it is applied, desktops install what was taken back.
    core.onEvent(this, 'PackageRevoked', PackageRevoked, apply, 'critical');
  }

  private createFunctions({ core, people, api }: PackagesProps): void {
    const { environment } = core.config;
    const { partition, account } = Stack.of(this);
    const tier = new Handler<typeof Tier>(this, 'TagTier', {
      core,
      entry: 'images/packages/tier.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { packages: ['GetItem'] }),
        ROLES: accessTo(
          environmentName(environment, ''),
          new PolicyStatement({
            actions: ['iam:TagRole'],
            resources: [
              `arn:${partition}:iam::${account}:role${PROJECT_IAM_PATH}${environmentName(environment, '*')}-instance`,
            ],
            conditions: { 'ForAllValues:StringEquals': { 'aws:TagKeys': [PACKAGE_TIER_TAG] } },
          }),
        ),
      },
    });
    // Until a lower tier is taken away, a project installs what it may no longer install.
    core.onEvent(this, 'PackageTierSet', PackageTierSet, tier, 'critical');
    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'images/packages/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          packages: ['GetItem', 'PutItem', 'Query'],
          project: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        POOL_ID: groupsAccess(people.pool),
        PER_PROJECT: String(core.config.packages.perProject),
      },
    });
    api.addRoutes(this, 'packages', handler);
  }
}
