import { request } from 'node:https';
import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  KMSClient,
  ListGrantsCommand,
} from '@aws-sdk/client-kms';
import type { KeyPolicy } from '../../functions/enclaves/key-policy.ts';
import type { CloudFacts } from '../deployed-cloud.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import type { KeyUpstream } from './kms-front.ts';
import { type SigningSession, verifyRequestSignature } from './request-signature.ts';

/** The emulator's KMS behind the front: it holds keys, policies and grants, and the front decides who may use them. */
export class EmulatedKms implements KeyUpstream {
  readonly #facts: CloudFacts;
  /** A client for the keys of each account. */
  readonly #clients = new Map<string, KMSClient>();
  /** The sessions whose signatures are valid, by access key. */
  readonly sessions = new Map<string, SigningSession>();

  constructor(facts: CloudFacts) {
    this.#facts = facts;
  }

  #kmsOf(key: string): KMSClient {
    const account = key.split(':')[4] ?? this.#facts.account;
    const client =
      this.#clients.get(account) ?? new KMSClient(clientConfigFor(this.#facts, rootCredentialsFor(account)));
    this.#clients.set(account, client);
    return client;
  }

  async policy(key: string): Promise<KeyPolicy> {
    const { Policy = '' } = await this.#kmsOf(key).send(new GetKeyPolicyCommand({ KeyId: key, PolicyName: 'default' }));
    return JSON.parse(Policy) as KeyPolicy;
  }

  async grants(key: string) {
    const { Grants = [] } = await this.#kmsOf(key).send(new ListGrantsCommand({ KeyId: key }));
    return Grants.map(({ GrantId = '', GranteePrincipal = '', Operations = [], Constraints }) => ({
      id: GrantId,
      grantee: GranteePrincipal,
      operations: Operations,
      contextEquals: Constraints?.EncryptionContextEquals ?? {},
    }));
  }

  async decrypt(key: string, ciphertext: Uint8Array, context: Record<string, string>): Promise<Uint8Array> {
    const { Plaintext } = await this.#kmsOf(key).send(
      new DecryptCommand({ KeyId: key, CiphertextBlob: ciphertext, EncryptionContext: context }),
    );
    return Plaintext ?? new Uint8Array();
  }

  async encrypt(key: string, plaintext: Uint8Array, context: Record<string, string>): Promise<Uint8Array> {
    const { CiphertextBlob } = await this.#kmsOf(key).send(
      new EncryptCommand({ KeyId: key, Plaintext: plaintext, EncryptionContext: context }),
    );
    return CiphertextBlob ?? new Uint8Array();
  }

  async generate(key: string, context: Record<string, string>) {
    const { Plaintext, CiphertextBlob } = await this.#kmsOf(key).send(
      new GenerateDataKeyCommand({ KeyId: key, KeySpec: 'AES_256', EncryptionContext: context }),
    );
    return { plaintext: Plaintext ?? new Uint8Array(), ciphertext: CiphertextBlob ?? new Uint8Array() };
  }

  /** As it is, with the host that its signature names. */
  forward = ({ headers, body }: { headers: Record<string, string>; body: string }) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const call = request(this.#facts.endpoint, { method: 'POST', headers }, response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 500, body: Buffer.concat(chunks).toString() }),
        );
      });
      call.on('error', reject);
      call.end(body);
    });

  caller = async (request: { headers: Record<string, string>; body: string }) =>
    verifyRequestSignature(request, this.sessions);

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}
