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
  readonly #kms: KMSClient;
  readonly #endpoint: string;
  /** The sessions whose signatures are valid, by access key. */
  readonly sessions = new Map<string, SigningSession>();

  constructor(facts: CloudFacts) {
    this.#endpoint = facts.endpoint;
    this.#kms = new KMSClient(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  }

  async policy(key: string): Promise<KeyPolicy> {
    const { Policy = '' } = await this.#kms.send(new GetKeyPolicyCommand({ KeyId: key, PolicyName: 'default' }));
    return JSON.parse(Policy) as KeyPolicy;
  }

  async grants(key: string) {
    const { Grants = [] } = await this.#kms.send(new ListGrantsCommand({ KeyId: key }));
    return Grants.map(({ GrantId = '', GranteePrincipal = '', Operations = [], Constraints }) => ({
      id: GrantId,
      grantee: GranteePrincipal,
      operations: Operations,
      contextEquals: Constraints?.EncryptionContextEquals ?? {},
    }));
  }

  async decrypt(key: string, ciphertext: Uint8Array, context: Record<string, string>): Promise<Uint8Array> {
    const { Plaintext } = await this.#kms.send(
      new DecryptCommand({ KeyId: key, CiphertextBlob: ciphertext, EncryptionContext: context }),
    );
    return Plaintext ?? new Uint8Array();
  }

  async encrypt(key: string, plaintext: Uint8Array, context: Record<string, string>): Promise<Uint8Array> {
    const { CiphertextBlob } = await this.#kms.send(
      new EncryptCommand({ KeyId: key, Plaintext: plaintext, EncryptionContext: context }),
    );
    return CiphertextBlob ?? new Uint8Array();
  }

  async generate(key: string, context: Record<string, string>) {
    const { Plaintext, CiphertextBlob } = await this.#kms.send(
      new GenerateDataKeyCommand({ KeyId: key, KeySpec: 'AES_256', EncryptionContext: context }),
    );
    return { plaintext: Plaintext ?? new Uint8Array(), ciphertext: CiphertextBlob ?? new Uint8Array() };
  }

  /** As it is, with the host that its signature names. */
  forward = ({ headers, body }: { headers: Record<string, string>; body: string }) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const call = request(this.#endpoint, { method: 'POST', headers }, response => {
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
    this.#kms.destroy();
  }
}
