import { DescribeImageAttributeCommand, EC2Client } from '@aws-sdk/client-ec2';
import { vi } from 'vitest';
import type { connectTestCloud } from '../cloud.ts';
import { openTestTable } from '../workspaces/harness.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

const sharedAccount = '111122223333';
const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'x' };

/**
 * The function that shares images, as a deployment has it whose configuration names another account. The embedded cloud
 * is deployed without one. It has no CopyImage, so that copies to other regions are only planned (sharing.test.ts). The
 * caller takes the environment back at its end, by `vi.unstubAllEnvs()`.
 */
export async function connectSharing(cloud: Cloud) {
  const { accessKeyId, secretAccessKey } = cloud.configuration.credentials;
  const ec2 = new EC2Client(cloud.configuration);
  const environment = {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    TABLE_NAME: (await openTestTable(cloud)).name,
    TARGETS: JSON.stringify([{ account: sharedAccount }]),
    REGION: cloud.region,
    ENVIRONMENT: 'local',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const { handler } = await import('../../functions/images/share.lambda.ts');
  return {
    account: sharedAccount,
    share: () => (handler as unknown as (event: object, place: object) => Promise<void>)({}, context),
    /** The other accounts that may start machines from an image. */
    async accountsOf(ami: string): Promise<string[]> {
      const { LaunchPermissions = [] } = await ec2.send(
        new DescribeImageAttributeCommand({ ImageId: ami, Attribute: 'launchPermission' }),
      );
      return LaunchPermissions.flatMap(({ UserId = [] }) => UserId);
    },
  };
}
