import { Duration, Fn, Stack, Validations } from 'aws-cdk-lib';
import type { IUserPool } from 'aws-cdk-lib/aws-cognito';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { CfnServer } from 'aws-cdk-lib/aws-transfer';
import { Construct } from 'constructs';
import { deliveryOutcomes } from '../functions/ingest/events.ts';
import type * as Receipt from '../functions/ingest/receipt.lambda.ts';
import { sftpActions } from '../functions/ingest/sftp.ts';
import type * as SignIn from '../functions/ingest/sign-in.lambda.ts';
import { bucketAccess, groupsAccess, tableAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { keyUseStatement } from './key-use.ts';
import { explainWildcards } from './nag-wildcards.ts';

/**
 * The role of all SFTP sessions. The function that signs partners in adds a policy to each session, which limits it to one
 * partner (functions/ingest/sftp.ts).
 */
export function createSftpRole(scope: Construct, landing: IBucket): Role {
  const key = landing.encryptionKey;
  if (!key) throw new Error(`${landing.node.path} has no key`);
  const role = new Role(scope, 'Sftp', {
    description: 'Broch: data partners deliver by SFTP, each session limited to one partner',
    // https://docs.aws.amazon.com/transfer/latest/userguide/requirements-roles.html
    assumedBy: new ServicePrincipal('transfer.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  });
  const statements = [
    new PolicyStatement({ actions: [...sftpActions], resources: [landing.arnForObjects('in/*')] }),
    new PolicyStatement({ actions: ['s3:GetObject'], resources: [landing.arnForObjects('receipts/*')] }),
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [landing.bucketArn],
      conditions: { StringLike: { 's3:prefix': ['in/*', 'receipts/*'] } },
    }),
    new PolicyStatement({ actions: ['s3:GetBucketLocation'], resources: [landing.bucketArn] }),
    keyUseStatement(scope, 's3', ['kms:GenerateDataKey', 'kms:Decrypt'], [key.keyArn]),
  ];
  for (const statement of statements) role.addToPolicy(statement);
  explainWildcards(role, statements, 'Its own policy limits each session to one partner.');
  Validations.of(role).acknowledge({
    id: 'NIST.800.53.R5-IAMNoInlinePolicy',
    reason: 'The role of one purpose: its policy belongs to nothing else.',
  });
  return role;
}

export interface SftpEndpointProps {
  readonly core: Core;
  readonly landing: IBucket;
  readonly role: Role;
  readonly pool: IUserPool;
}

/** The endpoint for deliveries by SFTP. A function decides who signs in, by the agreements of partners. */
export class SftpEndpoint extends Construct {
  /** The name that partners connect to. */
  readonly host: string;

  constructor(scope: Construct, id: string, { core, landing, role, pool }: SftpEndpointProps) {
    super(scope, id);
    const { region, account } = Stack.of(this);
    const signIn = new Handler<typeof SignIn>(this, 'SignIn', {
      core,
      entry: 'ingest/sign-in.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          partner: ['GetItem', 'PutItem'],
          delivery: ['PutItem'],
          deliveries: ['PutItem'],
          partners: ['GetItem'],
          dataset: ['GetItem'],
          terms: ['GetItem'],
        }),
        POOL_ID: groupsAccess(pool),
        LANDING_BUCKET: landing.bucketName,
        LANDING_KEY_ARN: core.key.keyArn,
        SFTP_ROLE_ARN: role.roleArn,
        REGION: region,
      },
    });
    const server = new CfnServer(this, 'Server', {
      protocols: ['SFTP'],
      domain: 'S3',
      endpointType: 'PUBLIC',
      identityProviderType: 'AWS_LAMBDA',
      identityProviderDetails: { function: signIn.fn.functionArn, sftpAuthenticationMethods: 'PUBLIC_KEY' },
      // Without a name CloudFormation takes the policy of 2018.
      securityPolicyName: 'TransferSecurityPolicy-2025-03',
      // Without this setting a folder without files would not be shown.
      s3StorageOptions: { directoryListingOptimization: 'ENABLED' },
      // Clients set times and modes after an upload. S3 has none, so without this setting the upload would fail.
      protocolDetails: { setStatOption: 'ENABLE_NO_OP' },
      structuredLogDestinations: [core.logGroup(this, '/aws/vendedlogs/transfer/').logGroupArn],
    });
    signIn.fn.addPermission('Transfer', {
      principal: new ServicePrincipal('transfer.amazonaws.com'),
      sourceArn: server.attrArn,
      sourceAccount: account,
    });
    alarm(signIn, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: signIn.fn.metricErrors({ period: Duration.minutes(5) }),
      means:
        'A data partner could not sign in by SFTP because of a fault in Broch, not because of the agreement or the key.',
      check: 'The log group of functions/ingest/sign-in.lambda.ts for level ERROR.',
      do: 'Correct the cause, and ask the partner to connect again. Until then the partner can deliver with `broch deliver`.',
    });
    const receipt = new Handler<typeof Receipt>(this, 'Receipt', {
      core,
      entry: 'ingest/receipt.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { partner: ['GetItem'] }),
        LANDING_BUCKET: bucketAccess(landing, ['write'], 'receipts/'),
      },
    });
    for (const outcome of deliveryOutcomes) core.onEvent(this, outcome.type, outcome, receipt, 'warning');
    this.host = Fn.join('', [server.attrServerId, '.server.transfer.', region, '.amazonaws.com']);
  }
}
