import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { type UploadAccess, uploadPolicy } from './upload-access.ts';

const sts = new STSClient({});

const hour = 3600;

/** A bucket for uploads, and the role that may write to it. */
export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly role: string;
  readonly region: string;
}

/** Credentials for one hour that can only write below `prefix`. `session` identifies them in logs. */
export async function issueUploadCredentials(
  { bucket, key, role, region }: UploadTarget,
  prefix: string,
  session: string,
): Promise<UploadAccess> {
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: role,
      RoleSessionName: session,
      DurationSeconds: hour,
      Policy: uploadPolicy({ bucket, prefix, key, region }),
    }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new Error('STS returned no credentials for the upload role');
  return {
    bucket,
    prefix,
    region,
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expires: Expiration.toISOString(),
  };
}
