import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { type UploadAccess, uploadPolicy } from './upload-access.ts';

const sts = new STSClient({});

const hour = 3600;

/** A bucket that people upload to, and the role that may write there. */
export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly role: string;
  readonly region: string;
}

/** An hour's credentials to write below `prefix`, and nothing else. `session` is what logs know them by. */
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
    throw new Error('the upload role gave no credentials');
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
