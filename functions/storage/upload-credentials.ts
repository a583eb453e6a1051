import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { currentTime, timeAfter } from '../clock.ts';
import { UPLOAD_SECONDS, type UploadAccess, uploadPolicy } from './upload-access.ts';

const sts = new STSClient({});

/** The shortest time that STS issues credentials for. */
const MIN_SESSION_SECONDS = 15 * 60;

/** A bucket for uploads, and the role that may write to it. */
export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly role: string;
  readonly region: string;
}

/** Credentials for ten minutes that can only write below `prefix`, from these networks if any are given. `session` identifies them in logs. */
export async function issueUploadCredentials(
  { bucket, key, role, region }: UploadTarget,
  prefix: string,
  session: string,
  networks: readonly string[] = [],
): Promise<UploadAccess> {
  const end = timeAfter(currentTime(), UPLOAD_SECONDS);
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: role,
      RoleSessionName: session,
      DurationSeconds: MIN_SESSION_SECONDS,
      Policy: uploadPolicy({ bucket, prefix, key, region, end, networks }),
    }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken)
    throw new Error('STS returned no credentials for the upload role');
  return {
    bucket,
    prefix,
    region,
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expires: end,
  };
}
