import { randomBytes } from 'node:crypto';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { stepHandler } from '../handler.ts';

export const env = z.object({ GATEWAY_KEY: z.string() });
const { GATEWAY_KEY } = env.parse(process.env);
const secrets = new SecretsManagerClient({});

/** A new key that signs links. Secrets Manager keeps the one before it, which the gateway has until nobody is connected. */
export const handler = stepHandler(z.unknown(), async () => {
  const SecretString = randomBytes(16).toString('hex');
  await secrets.send(new PutSecretValueCommand({ SecretId: GATEWAY_KEY, SecretString }));
});
