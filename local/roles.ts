import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { rootEnvironmentFor } from './deploy.ts';
import type { CloudFacts } from './deployed-cloud.ts';

export interface ClientCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The configuration of an SDK client that calls the embedded cloud with given credentials. */
export const clientConfigFor = (facts: CloudFacts, credentials: ClientCredentials) => ({
  endpoint: facts.endpoint,
  region: facts.region,
  credentials,
  forcePathStyle: true,
});

export const rootCredentialsFor = (account: string): ClientCredentials => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = rootEnvironmentFor(account);
  return { accessKeyId, secretAccessKey };
};

/**
 * The role that sets the demo up after the deploy. It may do what an administrator does once in a real account: add
 * people, set the webhook's address.
 */
export async function assumeSetupRole(facts: CloudFacts): Promise<ClientCredentials> {
  const { account, region, outputs } = facts;
  const root = clientConfigFor(facts, rootCredentialsFor(account));
  const [iam, sts] = [new IAMClient(root), new STSClient(root)];
  const RoleName = 'broch-stagehand';
  const allow = (Action: string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });
  const trust = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' };
  const statements = [
    allow(
      ['cognito-idp:AdminCreateUser', 'cognito-idp:AdminAddUserToGroup'],
      `arn:aws:cognito-idp:${region}:${account}:userpool/${outputs['data.Pool']}`,
    ),
    allow(['secretsmanager:PutSecretValue'], outputs['data.Webhook'] ?? 'none'),
    // The gateway's container gets this at its start.
    allow(['secretsmanager:GetSecretValue'], outputs['data.GatewayKey'] ?? 'none'),
  ];
  const document = (Statement: unknown) => JSON.stringify({ Version: '2012-10-17', Statement });
  try {
    const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: document(trust) }));
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'stage', PolicyDocument: document(statements) }));
    const { Credentials: session } = await sts.send(
      new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'stage' }),
    );
    if (!session?.AccessKeyId || !session.SecretAccessKey || !session.SessionToken)
      throw new Error('no session for the stagehand');
    return {
      accessKeyId: session.AccessKeyId,
      secretAccessKey: session.SecretAccessKey,
      sessionToken: session.SessionToken,
    };
  } finally {
    iam.destroy();
    sts.destroy();
  }
}
