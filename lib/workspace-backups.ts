import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { BackupVault, CfnBackupPlan, CfnBackupSelection } from 'aws-cdk-lib/aws-backup';
import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName } from '../functions/names.ts';
import { BACKUP_TAG, BACKUP_VALUE } from '../functions/workspaces/backups.ts';
import { alarm, alarmTopicTarget, ruleInvocations } from './alarm.ts';
import type { Core } from './core.ts';
import { explainWildcards } from './nag-wildcards.ts';

/**
 * AWS Backup takes a snapshot of the home of every workspace each night. It finds the disks by their tags. A snapshot has the
 * key of its disk, which is the project's, and the tags of its disk, so that it is billed to the project. The key of the vault
 * does not encrypt it: https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
 */
export class WorkspaceBackups extends Construct {
  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    const { environment, workspaces, costs } = core.config;
    const vault = new BackupVault(this, 'Vault', {
      backupVaultName: environmentName(environment, 'homes'),
      encryptionKey: core.key,
      // A vault that holds snapshots cannot be deleted.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const plan = new CfnBackupPlan(this, 'Plan', {
      backupPlan: {
        backupPlanName: environmentName(environment, 'homes'),
        backupPlanRule: [
          {
            ruleName: 'nightly',
            targetBackupVault: vault.backupVaultName,
            scheduleExpression: 'cron(0 1 * * ? *)',
            scheduleExpressionTimezone: costs.timezone,
            startWindowMinutes: 60,
            completionWindowMinutes: 720,
            lifecycle: { deleteAfterDays: workspaces.backupDays },
          },
        ],
      },
    });
    const { partition } = Stack.of(this);
    new CfnBackupSelection(this, 'Homes', {
      backupPlanId: plan.attrBackupPlanId,
      backupSelection: {
        selectionName: 'homes',
        iamRoleArn: this.backupRole(environment, vault.backupVaultArn).roleArn,
        resources: [`arn:${partition}:ec2:*:*:volume/*`],
        // A disk must have both tags.
        conditions: {
          StringEquals: [
            { ConditionKey: 'aws:ResourceTag/broch:environment', ConditionValue: environment },
            { ConditionKey: `aws:ResourceTag/${BACKUP_TAG}`, ConditionValue: BACKUP_VALUE },
          ],
        },
      },
    });
    this.tellOfFailures(core, vault.backupVaultName);
  }

  /** The rights that AWS documents for snapshots of volumes, limited to volumes of this environment. */
  private backupRole(environment: string, vaultArn: string): Role {
    const { partition, region, account } = Stack.of(this);
    const snapshots = [`arn:${partition}:ec2:${region}::snapshot/*`];
    const role = new Role(this, 'Role', {
      description: 'Broch: AWS Backup takes snapshots of the homes of workspaces',
      assumedBy: new ServicePrincipal('backup.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
    });
    const statements = [
      new PolicyStatement({
        actions: ['ec2:CreateSnapshot'],
        resources: [`arn:${partition}:ec2:${region}:${account}:volume/*`],
        conditions: { StringEquals: { 'aws:ResourceTag/broch:environment': environment } },
      }),
      // No condition on tags: the snapshot has none yet.
      new PolicyStatement({ actions: ['ec2:CreateSnapshot', 'ec2:CreateTags'], resources: snapshots }),
      new PolicyStatement({
        actions: ['ec2:DeleteSnapshot'],
        resources: snapshots,
        conditions: { Null: { 'aws:ResourceTag/aws:backup:source-resource': 'false' } },
      }),
      new PolicyStatement({
        actions: ['ec2:DescribeVolumes', 'ec2:DescribeSnapshots', 'tag:GetResources'],
        resources: ['*'],
      }),
      new PolicyStatement({
        actions: ['backup:DescribeBackupVault', 'backup:CopyIntoBackupVault'],
        resources: [vaultArn],
      }),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    explainWildcards(this, statements, 'Disks and their snapshots are created at run time.');
    Validations.of(this).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one plan: its policy belongs to nothing else.',
    });
    return role;
  }

  private tellOfFailures({ alarms }: Core, vault: string): void {
    const failure = new Rule(this, 'Failed', {
      description: 'AWS Backup could not take a snapshot of a home',
      eventPattern: {
        source: ['aws.backup'],
        detailType: ['Backup Job State Change'],
        detail: { state: ['FAILED', 'EXPIRED', 'ABORTED'], backupVaultName: [vault] },
      },
      targets: [alarmTopicTarget(alarms)],
    });
    alarm(this, 'Failed', {
      topic: alarms,
      severity: 'warning',
      metric: ruleInvocations(failure),
      means: 'AWS Backup could not take the nightly snapshot of a home. The snapshots of earlier nights still exist.',
      check:
        'A second mail holds the event: `resourceArn` names the disk, `statusMessage` the reason. The tags of the disk name the project and the workspace.',
      do: 'Correct the cause; AWS Backup tries again the next night. If AWS Backup is not turned on for EBS in this region, turn it on: AWS Backup, Settings, Service opt-in.',
    });
  }
}
