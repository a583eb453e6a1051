import { DescribeImageAttributeCommand, EC2Client, ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { vi } from 'vitest';
import { type ImageName, imageKey } from '../../functions/images/schemas.ts';
import type { connectTestCloud } from '../cloud.ts';
import { openTestTable } from '../workspaces/harness.ts';
import { failOnce, stubFunctionEnvironment } from './in-process.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

const sharedAccount = '111122223333';
const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'x' };

/**
 * The function that shares images, as a deployment has it whose configuration names another account. The embedded cloud
 * is deployed without one. It has no CopyImage, so that copies to other regions are only planned (sharing.test.ts). The
 * caller takes the environment back at its end, by `vi.unstubAllEnvs()`.
 */
export async function connectSharing(cloud: Cloud) {
  const ec2 = new EC2Client(cloud.configuration);
  stubFunctionEnvironment(cloud, {
    TABLE_NAME: (await openTestTable(cloud)).name,
    TARGETS: JSON.stringify([{ account: sharedAccount }]),
    REGION: cloud.region,
    ENVIRONMENT: 'local',
  });
  const { handler } = await import('../../functions/images/share.lambda.ts');
  const share = () => (handler as unknown as (event: object, place: object) => Promise<void>)({}, context);
  /** The other accounts that may start machines from an image. */
  async function accountsOf(ami: string): Promise<string[]> {
    const { LaunchPermissions = [] } = await ec2.send(
      new DescribeImageAttributeCommand({ ImageId: ami, Attribute: 'launchPermission' }),
    );
    return LaunchPermissions.flatMap(({ UserId = [] }) => UserId);
  }
  /**
   * Undoes the sharing, lets a call about the image fail once, and shares again: for each call that the function makes.
   * Resolves with what each run said and with the accounts after the run that follows it.
   */
  async function shareDespiteFaults(image: ImageName, ami: string) {
    const shared = (await accountsOf(ami)).length > 0;
    const outcomes: { call: string; failure: string; accounts: string[] }[] = [];
    for (const call of ['GetItem', 'DescribeImages', 'DescribeImageAttribute', 'ModifyImageAttribute']) {
      const permission = [{ UserId: sharedAccount }];
      const LaunchPermission = shared ? { Remove: permission } : { Add: permission };
      await ec2.send(new ModifyImageAttributeCommand({ ImageId: ami, LaunchPermission }));
      failOnce(call, [ami, imageKey(image).pk]);
      const failure = await share().then(
        () => 'none',
        (error: Error) => error.message,
      );
      vi.restoreAllMocks();
      await share();
      outcomes.push({ call, failure, accounts: await accountsOf(ami) });
    }
    return outcomes;
  }
  return { account: sharedAccount, share, accountsOf, shareDespiteFaults };
}
