import { Stack, Validations } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { environmentName, projectStackName, queueStackName } from '../../functions/names.ts';
import { keyUseStatement } from '../key-use.ts';
import { explainWildcards } from '../nag-wildcards.ts';
import { headBatchStatements, hostStatements } from './batch-rights.ts';
import {
  accessPointPrefix,
  boundaryName,
  bucketPrefix,
  dcvLicenceStatement,
  PROJECT_IAM_PATH,
  packageStatements,
} from './names.ts';

type Conditions = Record<string, Record<string, unknown>>;
const allow = (actions: string[], resources: string[], conditions?: Conditions) =>
  new PolicyStatement({ actions, resources, ...(conditions && { conditions }) });
const actionNames = (service: string, names: string[]) => names.map(name => `${service}:${name}`);

/**
 * The role that CloudFormation uses for project stacks: the permissions that the schemas of the template's resource types
 * name, limited to the names and tags of this environment. It cannot connect a network to anything: no gateway, route,
 * peering or address. Every role that it creates has the permissions boundary.
 */
export class ProjectBuilder extends Construct {
  readonly role: Role;
  readonly boundary: ManagedPolicy;

  constructor(
    scope: Construct,
    id: string,
    { environment, lake, hasDcv }: { environment: string; lake: IBucket; hasDcv: boolean },
  ) {
    super(scope, id);
    const stack = Stack.of(this);
    const bounds = [...this.bounds(environment, lake), ...(hasDcv ? [dcvLicenceStatement(stack)] : [])];
    this.boundary = new ManagedPolicy(this, 'Boundary', {
      managedPolicyName: boundaryName(environment),
      path: PROJECT_IAM_PATH,
      description: 'The most that any role of a project may do',
      statements: bounds,
    });
    this.role = new Role(this, 'Role', {
      description: "Builds and deletes projects' stacks",
      assumedBy: new ServicePrincipal('cloudformation.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
    });
    const statements = [
      ...this.network(environment),
      ...this.storage(environment),
      ...this.accessPoints(environment),
      ...this.roles(environment),
      ...this.names(),
    ];
    for (const statement of statements) this.role.addToPolicy(statement);
    explainWildcards(
      this,
      [...statements, ...bounds],
      "Projects are made at run time: a prefix, a tag or the boundary fences what has no name yet; EC2's creations and descriptions and DNS Firewall have no resource to name.",
    );
    Validations.of(this.role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one use: its policy belongs to nothing else.',
    });
  }

  private bounds(environment: string, lake: IBucket): PolicyStatement[] {
    const { partition, region, account } = Stack.of(this);
    const bucket = `arn:${partition}:s3:::${bucketPrefix(environment, account)}*`;
    const byAccessPoint = { StringEquals: { 's3:DataAccessPointAccount': account } };
    return [
      allow(
        actionNames('s3', [
          'GetObject',
          'GetObjectVersion',
          'PutObject',
          'DeleteObject',
          'AbortMultipartUpload',
          'ListBucket',
        ]),
        [bucket],
      ),
      // Datasets, by access points only. Their policies name the role, and this boundary limits what they can give it.
      allow(actionNames('s3', ['GetObject', 'ListBucket']), [`${accessPointPrefix(environment, Stack.of(this))}*`]),
      allow(['s3:GetObject'], [lake.arnForObjects('datasets/*')], byAccessPoint),
      allow(['s3:ListBucket'], [lake.bucketArn], byAccessPoint),
      ...packageStatements(environment, Stack.of(this), '*'),
      keyUseStatement(this, 's3', actionNames('kms', ['Decrypt', 'GenerateDataKey']), [
        `arn:${partition}:kms:${region}:${account}:key/*`,
      ]),
      // The parties of enclave runs bring their own keys, also from other accounts. The policies and grants of these keys name
      // the role. Only a call with an attestation passes, and a desktop has none.
      allow(actionNames('kms', ['Decrypt', 'GenerateDataKey']), [`arn:${partition}:kms:${region}:*:key/*`], {
        Null: { 'kms:RecipientAttestation:PCR0': 'false' },
      }),
      allow(actionNames('logs', ['CreateLogStream', 'PutLogEvents', 'DescribeLogStreams']), [
        `arn:${partition}:logs:${region}:${account}:log-group:${projectStackName(environment, '*')}-*`,
        `arn:${partition}:logs:${region}:${account}:log-group:${queueStackName(environment, '*', '*')}`,
      ]),
      ...hostStatements(Stack.of(this), environment, '*'),
      ...headBatchStatements(Stack.of(this), environment, '*'),
    ];
  }

  private network(environment: string): PolicyStatement[] {
    const { partition, region, account } = Stack.of(this);
    const taggable = [
      'vpc',
      'subnet',
      'route-table',
      'security-group',
      'security-group-rule',
      'vpc-endpoint',
      'vpc-flow-log',
    ].map(type => `arn:${partition}:ec2:${region}:${account}:${type}/*`);
    const regionOnly = { StringEquals: { 'aws:RequestedRegion': region } };
    const environmentOnly = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
    return [
      allow(
        actionNames('ec2', [
          ...['CreateVpc', 'CreateSubnet', 'CreateRouteTable', 'CreateSecurityGroup', 'CreateVpcEndpoint'],
          ...['CreateFlowLogs', 'DescribeVpcs', 'DescribeVpcAttribute', 'DescribeVpcEndpoints'],
          ...['DescribeVpcEncryptionControls', 'DescribeSubnets', 'DescribeRouteTables', 'DescribeSecurityGroups'],
          ...['DescribeNetworkAcls', 'DescribeFlowLogs', 'DescribeTags', 'DescribeInstances'],
        ]),
        ['*'],
        regionOnly,
      ),
      allow(
        actionNames('ec2', [
          ...['ModifyVpcAttribute', 'DeleteVpc', 'ModifySubnetAttribute', 'DeleteSubnet', 'DeleteRouteTable'],
          ...['AssociateRouteTable', 'ReplaceRouteTableAssociation', 'DisassociateRouteTable', 'DeleteTags'],
          ...['AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress'],
          ...['RevokeSecurityGroupEgress', 'UpdateSecurityGroupRuleDescriptionsIngress', 'DeleteSecurityGroup'],
          ...['UpdateSecurityGroupRuleDescriptionsEgress', 'ModifyVpcEndpoint', 'DeleteVpcEndpoints', 'DeleteFlowLogs'],
        ]),
        ['*'],
        environmentOnly,
      ),
      // CloudFormation tags some of these after it created them: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/714
      allow(actionNames('ec2', ['CreateTags']), taggable, {
        StringEquals: { 'aws:RequestTag/broch:environment': environment },
        StringEqualsIfExists: { 'aws:ResourceTag/broch:environment': environment },
      }),
      allow(actionNames('ec2', ['CreateTags']), taggable, environmentOnly),
      // Log delivery has no resource-level permissions.
      allow(actionNames('logs', ['CreateLogDelivery', 'DeleteLogDelivery', 'DescribeLogGroups']), ['*'], regionOnly),
    ];
  }

  private storage(environment: string): PolicyStatement[] {
    const { partition, region, account } = Stack.of(this);
    const key = `arn:${partition}:kms:${region}:${account}:key/*`;
    return [
      allow(
        actionNames('s3', [
          ...['CreateBucket', 'DeleteBucket', 'ListBucket', 'GetBucketPolicy', 'PutBucketPolicy', 'DeleteBucketPolicy'],
          ...['PutBucketTagging', 'GetBucketTagging', 'PutEncryptionConfiguration', 'GetEncryptionConfiguration'],
          ...['PutLifecycleConfiguration', 'GetLifecycleConfiguration', 'PutBucketNotification'],
          ...['GetBucketNotification', 'PutBucketPublicAccessBlock', 'GetBucketPublicAccessBlock', 'PutBucketLogging'],
          ...['GetBucketLogging', 'PutBucketVersioning', 'GetBucketVersioning', 'PutBucketOwnershipControls'],
          ...['GetBucketOwnershipControls', 'GetBucketAcl'],
        ]),
        [`arn:${partition}:s3:::${bucketPrefix(environment, account)}*`],
      ),
      allow(actionNames('kms', ['CreateKey']), ['*'], {
        StringEquals: { 'aws:RequestTag/broch:environment': environment },
      }),
      // To create a key with tags, the role must be allowed to tag any key, because a new key has no tags yet:
      // https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
      allow(actionNames('kms', ['TagResource']), [key], {
        StringEquals: { 'aws:RequestTag/broch:environment': environment },
        Null: { 'aws:ResourceTag/broch:environment': 'true' },
      }),
      // The tags of a new key may take five minutes to apply, so what CloudFormation does at once requires no tags:
      // https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html
      allow(
        actionNames('kms', [
          ...['DescribeKey', 'GetKeyPolicy', 'GetKeyRotationStatus', 'ListResourceTags', 'EnableKeyRotation'],
          ...['CreateAlias'],
        ]),
        [key],
      ),
      allow(
        actionNames('kms', [
          ...['TagResource', 'UntagResource', 'PutKeyPolicy', 'UpdateKeyDescription', 'ScheduleKeyDeletion'],
          ...['DeleteAlias', 'UpdateAlias'],
        ]),
        [key],
        // The platform's own keys have the first of these tags too, but not the second.
        {
          StringEquals: { 'aws:ResourceTag/broch:environment': environment },
          Null: { 'aws:ResourceTag/broch:project': 'false' },
        },
      ),
      allow(actionNames('kms', ['CreateAlias', 'DeleteAlias', 'UpdateAlias']), [
        `arn:${partition}:kms:${region}:${account}:alias/broch/${environment}/*`,
      ]),
      allow(actionNames('kms', ['ListAliases']), ['*']),
      allow(
        actionNames('logs', [
          ...['CreateLogGroup', 'DeleteLogGroup', 'PutRetentionPolicy', 'AssociateKmsKey', 'TagResource'],
          ...['UntagResource', 'ListTagsForResource', 'GetDataProtectionPolicy'],
        ]),
        [`arn:${partition}:logs:${region}:${account}:log-group:${projectStackName(environment, '*')}-*`],
      ),
    ];
  }

  private accessPoints(environment: string): PolicyStatement[] {
    const points = `${accessPointPrefix(environment, Stack.of(this))}*`;
    return [
      allow(actionNames('s3', ['CreateAccessPoint', 'DeleteAccessPoint']), [points]),
      // It has no resource-level permissions.
      allow(['s3:GetAccessPoint'], ['*']),
    ];
  }

  private roles(environment: string): PolicyStatement[] {
    const { partition, account } = Stack.of(this);
    const iamArn = (type: string) =>
      `arn:${partition}:iam::${account}:${type}${PROJECT_IAM_PATH}${environmentName(environment, '*')}`;
    return [
      allow(actionNames('iam', ['CreateRole', 'PutRolePolicy', 'DeleteRolePolicy']), [iamArn('role')], {
        StringEquals: { 'iam:PermissionsBoundary': this.boundary.managedPolicyArn },
      }),
      allow(
        actionNames('iam', [
          ...['GetRole', 'DeleteRole', 'TagRole', 'UntagRole', 'UpdateAssumeRolePolicy', 'GetRolePolicy'],
          ...['ListRolePolicies', 'ListAttachedRolePolicies'],
        ]),
        [iamArn('role')],
      ),
      allow(
        actionNames('iam', [
          ...['CreateInstanceProfile', 'GetInstanceProfile', 'DeleteInstanceProfile'],
          ...['AddRoleToInstanceProfile', 'RemoveRoleFromInstanceProfile'],
        ]),
        [iamArn('instance-profile'), iamArn('role')],
      ),
      allow(actionNames('iam', ['PassRole']), [iamArn('role')], {
        StringEquals: { 'iam:PassedToService': ['ec2.amazonaws.com', 'vpc-flow-logs.amazonaws.com'] },
      }),
    ];
  }

  private names(): PolicyStatement[] {
    const { partition, region, account } = Stack.of(this);
    return [
      allow(
        actionNames('route53resolver', [
          ...['CreateFirewallDomainList', 'GetFirewallDomainList', 'UpdateFirewallDomains', 'ImportFirewallDomains'],
          ...['DeleteFirewallDomainList', 'CreateFirewallRuleGroup', 'GetFirewallRuleGroup', 'ListFirewallRules'],
          ...['CreateFirewallRule', 'UpdateFirewallRule', 'DeleteFirewallRule', 'DeleteFirewallRuleGroup'],
          ...['AssociateFirewallRuleGroup', 'GetFirewallRuleGroupAssociation', 'UpdateFirewallRuleGroupAssociation'],
          ...['DisassociateFirewallRuleGroup', 'TagResource', 'UntagResource', 'ListTagsForResource'],
        ]),
        [`arn:${partition}:route53resolver:${region}:${account}:*`],
      ),
    ];
  }
}
