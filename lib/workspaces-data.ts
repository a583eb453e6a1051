import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Core } from './core.ts';
import { WorkspaceBackups } from './workspace-backups.ts';

/** The key that signs links, the key that encrypts the passwords of desktops, and the backups of homes. */
export class WorkspacesData extends Construct {
  readonly gatewayKey: Secret;
  readonly passwords: Key;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    this.gatewayKey = new Secret(this, 'GatewayKey', {
      description: "Guacamole's json-secret-key: 128 bits as 32 hexadecimal digits",
      encryptionKey: core.key,
      generateSecretString: {
        passwordLength: 32,
        excludeUppercase: true,
        excludePunctuation: true,
        requireEachIncludedType: false,
        excludeCharacters: 'ghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
      },
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.passwords = new Key(this, 'Passwords', {
      description: "Broch: desktops' passwords, each bound to its workspace by its encryption context",
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    if (core.config.workspaces.backupDays > 0) new WorkspaceBackups(this, 'Backups', { core });
    const reason = 'A function of the workspaces replaces it every month (functions/workspaces/rotate.lambda.ts).';
    Validations.of(this.gatewayKey).acknowledge(
      { id: 'AwsSolutions-SMG4', reason },
      { id: 'NIST.800.53.R5-SecretsManagerRotationEnabled', reason },
    );
  }
}
