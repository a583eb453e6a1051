import { Aws, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  AnyPrincipal,
  Effect,
  type IManagedPolicy,
  InstanceProfile,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnAccessPoint,
  type CfnBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { IMPORTS_PREFIX, REPORTS_PREFIX } from '../../functions/airlock/request/places.ts';
import { RUN_FOLDERS } from '../../functions/batch/definition.ts';
import { DATASET_LIST_KEY } from '../../functions/datasets/access-policy.ts';
import { PACKAGE_TIER_TAG } from '../../functions/images/packages/schemas.ts';
import { queueStackName } from '../../functions/names.ts';
import { refuseCustomerKeys } from '../customer-keys.ts';
import { keyUseStatement, lakeKeyStatement } from '../key-use.ts';
import { explainWildcards } from '../nag-wildcards.ts';
import { bucketPrefix, dcvLicenceStatement, PROJECT_IAM_PATH, packageStatements } from './names.ts';

export interface ProjectStorageProps {
  readonly name: string;
  readonly environment: string;
  readonly project: string;
  readonly attempt: string;
  readonly vpcId: string;
  readonly accessLogs: string;
  /** The bucket that holds datasets, and the ARN of its key. */
  readonly lake: string;
  readonly lakeKey: string;
  readonly boundary: IManagedPolicy;
  readonly hasDcv: boolean;
}

/** A project's key, its bucket, and the role of its instances, which may use both only from inside its network. */
export class ProjectStorage extends Construct {
  readonly key: Key;
  readonly bucket: Bucket;
  readonly profile: InstanceProfile;
  readonly role: Role;
  /** How the project reads datasets. Its policy is written when a dataset's owner decides; until then it allows nothing. */
  readonly accessPoint: CfnAccessPoint;

  constructor(scope: Construct, id: string, props: ProjectStorageProps) {
    super(scope, id);
    const { name, environment, project, attempt } = props;
    // The resource is deleted with a stack that was never complete, and retained otherwise.
    const removalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
    this.key = new Key(this, 'Key', {
      // AWS charges a dollar a month for each of a key's first two rotations. Few projects live for seven years.
      rotationPeriod: Duration.days(2560),
      description: `Broch: all data of project ${project}`,
      alias: `broch/${environment}/${project}`,
      enableKeyRotation: true,
      removalPolicy,
    });
    this.letLogsUse(this.key, environment, project);
    this.bucket = new Bucket(this, 'Bucket', {
      // The name of a deleted bucket may stay taken for days, so each attempt has a name of its own:
      // https://repost.aws/knowledge-center/s3-conflicting-conditional-operation
      bucketName: `${bucketPrefix(environment, Stack.of(this).account)}${project}-${attempt}`,
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(7), noncurrentVersionExpiration: Duration.days(90) },
        { prefix: 'agents/', expiration: Duration.days(7), noncurrentVersionExpiration: Duration.days(7) },
      ],
      removalPolicy,
    });
    const l1 = this.bucket.node.defaultChild as CfnBucket;
    l1.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
    // The platform's bucket already allows this for all project buckets.
    l1.loggingConfiguration = { destinationBucketName: props.accessLogs, logFilePrefix: `projects/${project}/` };
    this.role = this.instanceRole(props);
    this.profile = new InstanceProfile(this, 'Profile', {
      instanceProfileName: `${name}-instance`,
      path: PROJECT_IAM_PATH,
      role: this.role,
    });
    this.fence(this.role, props.vpcId);
    this.accessPoint = new CfnAccessPoint(this, 'Datasets', {
      name: `${name}-${attempt}`,
      bucket: props.lake,
      vpcConfiguration: { vpcId: props.vpcId },
      publicAccessBlockConfiguration: BlockPublicAccess.BLOCK_ALL,
    });
    Validations.of(this.bucket).acknowledge({
      id: 'NIST.800.53.R5-S3BucketReplicationEnabled',
      reason:
        'Copies in a second region are for the organisation to decide: data may not leave its jurisdiction by default.',
    });
  }

  /** Researchers may be root on their desktops, so this role has only permissions that every researcher has. */
  private instanceRole({ name, environment, boundary, lake, lakeKey, hasDcv }: ProjectStorageProps): Role {
    const role = new Role(this, 'Instance', {
      roleName: `${name}-instance`,
      path: PROJECT_IAM_PATH,
      permissionsBoundary: boundary,
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    });
    // Batch jobs are members of the project too, without the rights of the machine that they run on.
    role.assumeRolePolicy?.addStatements(
      new PolicyStatement({
        principals: [new ServicePrincipal('ecs-tasks.amazonaws.com')],
        actions: ['sts:AssumeRole'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    const allow = (actions: string[], resources: string[], conditions?: Record<string, Record<string, unknown>>) =>
      new PolicyStatement({ actions, resources, ...(conditions && { conditions }) });
    const statements = [
      allow(
        ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
        ['data/*', 'batch/*'].map(folder => this.bucket.arnForObjects(folder)),
      ),
      allow(['s3:ListBucket'], [this.bucket.bucketArn], { StringLike: { 's3:prefix': ['data/*', 'batch/*'] } }),
      // The user id of an instance ends in its instance id, so no instance can report for another.
      allow(['s3:PutObject'], [this.bucket.arnForObjects('agents/${aws:userid}/*')]),
      keyUseStatement(this, 's3', ['kms:Decrypt', 'kms:GenerateDataKey'], [this.key.keyArn]),
      // The policy of the access point decides which datasets the role can read.
      lakeKeyStatement(this, lake, lakeKey),
    ];
    const licences = hasDcv ? [dcvLicenceStatement(Stack.of(this))] : [];
    // The role has no such tag until a data steward sets the tier of the project's packages; then it reads one mirror.
    const packages = packageStatements(environment, Stack.of(this), `\${aws:PrincipalTag/${PACKAGE_TIER_TAG}}`);
    const { partition, region, account } = Stack.of(this);
    // Parties of enclave runs may have their keys in accounts of their own. There AWS asks for this, besides the key's
    // policy: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    const partyKeys = allow(['kms:Decrypt', 'kms:GenerateDataKey'], [`arn:${partition}:kms:${region}:*:key/*`], {
      StringNotEquals: { 'aws:ResourceAccount': account },
      Null: { 'kms:RecipientAttestation:PCR0': 'false' },
    });
    for (const statement of [...statements, ...packages, ...licences, partyKeys]) role.addToPolicy(statement);
    explainWildcards(role, licences, 'A bucket of AWS, which this role may only read.');
    explainWildcards(role, statements, 'It ends a prefix of keys in the one bucket of the project.');
    explainWildcards(role, [partyKeys], "Parties bring their own keys; each key's policy decides, for enclaves only.");
    explainWildcards(
      role,
      packages,
      'A bearer token has no resource; a condition names the one service that may get it.',
    );
    return role;
  }

  private fence(role: Role, vpcId: string) {
    const objects = [this.bucket.arnForObjects('*')];
    const deny = (
      sid: string,
      actions: string[],
      conditions: Record<string, Record<string, unknown>>,
      resources = objects,
    ) =>
      this.bucket.addToResourcePolicy(
        new PolicyStatement({
          sid,
          effect: Effect.DENY,
          principals: [new AnyPrincipal()],
          actions,
          resources,
          conditions,
        }),
      );
    // A request without encryption headers gets the bucket's encryption, so only a request for another is refused. (A negated
    // condition alone, with or without IfExists, would also match a request without the header.)
    const otherThan = (header: string, expected: string) => ({
      Null: { [header]: 'false' },
      StringNotEquals: { [header]: expected },
    });
    deny('OnlyEncrypted', ['s3:PutObject'], otherThan('s3:x-amz-server-side-encryption', 'aws:kms'));
    deny(
      'OnlyUnderItsKey',
      ['s3:PutObject'],
      otherThan('s3:x-amz-server-side-encryption-aws-kms-key-id', this.key.keyArn),
    );
    refuseCustomerKeys(this.bucket);
    // Otherwise stolen credentials of an instance could open the bucket from anywhere.
    deny(
      'InstancesOnlyFromTheirNetwork',
      ['s3:*'],
      { ArnEquals: { 'aws:PrincipalArn': role.roleArn }, StringNotEquals: { 'aws:SourceVpc': vpcId } },
      [this.bucket.bucketArn, ...objects],
    );
    // Imported files, reports and the list of datasets must stay as Broch wrote them.
    const { account, partition } = Stack.of(this);
    deny(
      'AirlockWritesAlone',
      ['s3:PutObject*', 's3:DeleteObject*'],
      { ArnLike: { 'aws:PrincipalArn': `arn:${partition}:iam::${account}:role${PROJECT_IAM_PATH}*` } },
      [...[IMPORTS_PREFIX, REPORTS_PREFIX].map(prefix => `${prefix}*`), DATASET_LIST_KEY, RUN_FOLDERS].map(key =>
        this.bucket.arnForObjects(key),
      ),
    );
  }

  private letLogsUse(key: Key, environment: string, project: string) {
    const { region, account, partition } = Stack.of(this);
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'FlowLogs',
        principals: [new ServicePrincipal(`logs.${region}.amazonaws.com`)],
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
        resources: ['*'],
        conditions: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': [
              `arn:${partition}:logs:${region}:${account}:log-group:${Aws.STACK_NAME}-Flows*`,
              // The queues of the project write the logs of its jobs.
              `arn:${partition}:logs:${region}:${account}:log-group:${queueStackName(environment, project, '*')}`,
            ],
          },
        },
      }),
    );
  }
}
