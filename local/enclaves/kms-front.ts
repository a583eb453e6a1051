import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import * as z from 'zod';
import { type AttestationVerdict, verifyAttestation } from '../../functions/enclaves/attestation.ts';
import type { KeyPolicy } from '../../functions/enclaves/key-policy.ts';
import { encryptForRecipient } from './cms.ts';
import { authorizeKeyCall, type KeyGrant } from './key-authorization.ts';

/** The KMS behind the front, which knows no `Recipient`. */
export interface KeyUpstream {
  policy(key: string): Promise<KeyPolicy>;
  grants(key: string): Promise<readonly KeyGrant[]>;
  decrypt(key: string, ciphertext: Uint8Array, context: Record<string, string>): Promise<Uint8Array>;
  encrypt(key: string, plaintext: Uint8Array, context: Record<string, string>): Promise<Uint8Array>;
  generate(key: string, context: Record<string, string>): Promise<{ plaintext: Uint8Array; ciphertext: Uint8Array }>;
  /** Answers a call that this front does not stand in for, with the caller's own signature. */
  forward?(request: { headers: Record<string, string>; body: string }): Promise<{ status: number; body: string }>;
  /** The role or user of the caller whose signature is on the request, if it is valid. */
  caller(request: { headers: Record<string, string>; body: string }): Promise<string | undefined>;
}

export interface KmsFrontOptions {
  readonly upstream: KeyUpstream;
  /** The roots that enclaves lead to, PEM. */
  readonly roots: readonly string[];
  readonly tls: { readonly key: string; readonly cert: string };
  /** The time at which documents are judged: that of the clock, unless a test sets another. */
  readonly clock?: () => number;
  /** Takes a line about each call. Never a key. */
  readonly log?: (line: string) => void;
}

const RecipientCall = z.object({
  KeyId: z.string(),
  CiphertextBlob: z.base64().optional(),
  EncryptionContext: z.record(z.string(), z.string()).default({}),
  Recipient: z
    .object({ AttestationDocument: z.base64(), KeyEncryptionAlgorithm: z.literal('RSAES_OAEP_SHA_256') })
    .optional(),
});
type RecipientCall = z.infer<typeof RecipientCall>;

class KmsFault extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

const ReEncryptCall = z.object({
  CiphertextBlob: z.base64(),
  SourceKeyId: z.string(),
  DestinationKeyId: z.string(),
  SourceEncryptionContext: z.record(z.string(), z.string()).default({}),
  DestinationEncryptionContext: z.record(z.string(), z.string()).default({}),
});

/** Binds a data key to another encryption context, under the same key or another one. */
async function reEncrypt(
  request: { headers: Record<string, string>; body: string },
  { upstream, log = () => {} }: KmsFrontOptions,
): Promise<object> {
  const call = ReEncryptCall.parse(JSON.parse(request.body));
  const principal = await upstream.caller(request);
  if (principal === undefined) throw new KmsFault('UnrecognizedClientException', 'The signature is not valid.');
  const { SourceKeyId, DestinationKeyId } = call;
  const conditions = { 'kms:ReEncryptOnSameKey': [String(SourceKeyId === DestinationKeyId)] };
  const sides = [
    ['kms:ReEncryptFrom', SourceKeyId, call.SourceEncryptionContext],
    ['kms:ReEncryptTo', DestinationKeyId, call.DestinationEncryptionContext],
  ] as const;
  for (const [action, key, encryptionContext] of sides) {
    const access = { action, principal, encryptionContext, conditions };
    const denial = authorizeKeyCall(await upstream.policy(key), await upstream.grants(key), access);
    log(`${action} by ${principal}: ${denial ?? 'permitted'}`);
    if (denial) throw new KmsFault('AccessDeniedException', `${principal} may not perform ${action} ${denial}`);
  }
  const blob = Buffer.from(call.CiphertextBlob, 'base64');
  const plaintext = await upstream.decrypt(SourceKeyId, blob, call.SourceEncryptionContext);
  const ciphertext = await upstream.encrypt(DestinationKeyId, plaintext, call.DestinationEncryptionContext);
  return {
    CiphertextBlob: Buffer.from(ciphertext).toString('base64'),
    KeyId: DestinationKeyId,
    SourceKeyId,
  };
}

const MAX_AGE_MS = 5 * 60 * 1000;

/** The condition keys that KMS derives from an attestation that it verified. */
const attestedConditions = ({ pcrs }: AttestationVerdict): Record<string, readonly string[]> =>
  Object.fromEntries([
    ...Object.entries(pcrs).map(([index, value]) => [`kms:RecipientAttestation:PCR${index}`, [value]]),
    ...(pcrs[0] === undefined ? [] : [['kms:RecipientAttestation:ImageSha384', [pcrs[0]]]]),
  ]);

function verifyRecipient(
  { Recipient }: RecipientCall,
  { roots, clock = Date.now }: KmsFrontOptions,
): AttestationVerdict | undefined {
  if (!Recipient) return undefined;
  const verdict = verifyAttestation(Buffer.from(Recipient.AttestationDocument, 'base64'), {
    roots,
    time: clock(),
    maxAgeMs: MAX_AGE_MS,
    needsRecipientKey: true,
    // KMS leaves debug enclaves to the key policy, whose measurements they never have.
    allowDebug: true,
  });
  if (!verdict.ok) throw new KmsFault('ValidationException', verdict.reason);
  return verdict;
}

/** Answers Decrypt and GenerateDataKey as KMS does: with a `Recipient` only for the enclave, and as the key policy says. */
async function answerCall(
  operation: string,
  request: { headers: Record<string, string>; body: string },
  options: KmsFrontOptions,
): Promise<object> {
  const { upstream, log = () => {} } = options;
  const call = RecipientCall.parse(JSON.parse(request.body));
  const principal = await upstream.caller(request);
  if (principal === undefined) throw new KmsFault('UnrecognizedClientException', 'The signature is not valid.');
  const verdict = verifyRecipient(call, options);
  const denial = authorizeKeyCall(await upstream.policy(call.KeyId), await upstream.grants(call.KeyId), {
    action: `kms:${operation}`,
    principal,
    encryptionContext: call.EncryptionContext,
    conditions: verdict ? attestedConditions(verdict) : {},
  });
  log(
    `${operation} by ${principal}, ${verdict ? `attested by ${verdict.moduleId}` : 'not attested'}: ${denial ?? 'permitted'}`,
  );
  if (denial) throw new KmsFault('AccessDeniedException', `${principal} may not perform kms:${operation} ${denial}`);
  const { plaintext, ciphertext } =
    operation === 'Decrypt'
      ? {
          plaintext: await upstream.decrypt(
            call.KeyId,
            Buffer.from(call.CiphertextBlob ?? '', 'base64'),
            call.EncryptionContext,
          ),
          ciphertext: undefined,
        }
      : await upstream.generate(call.KeyId, call.EncryptionContext);
  return {
    KeyId: call.KeyId,
    ...(ciphertext && { CiphertextBlob: Buffer.from(ciphertext).toString('base64') }),
    ...(verdict
      ? {
          CiphertextForRecipient: Buffer.from(
            encryptForRecipient(plaintext, Buffer.from(verdict.publicKey ?? '', 'hex')),
          ).toString('base64'),
        }
      : { Plaintext: Buffer.from(plaintext).toString('base64') }),
  };
}

type SignedRequest = { headers: Record<string, string>; body: string };

/** The calls that need a front; the KMS behind it answers all others. */
async function answerRequest(request: SignedRequest, options: KmsFrontOptions) {
  const operation = request.headers['x-amz-target']?.split('.')[1] ?? '';
  try {
    if (operation === 'ReEncrypt') return { status: 200, body: JSON.stringify(await reEncrypt(request, options)) };
    if (operation === 'Decrypt' || operation === 'GenerateDataKey')
      return { status: 200, body: JSON.stringify(await answerCall(operation, request, options)) };
    if (options.upstream.forward) return await options.upstream.forward(request);
    throw new KmsFault('UnknownOperationException', `This front does not know ${operation}.`);
  } catch (error) {
    const type = error instanceof KmsFault ? error.type : 'ValidationException';
    return { status: 400, body: JSON.stringify({ __type: type, message: (error as Error).message }) };
  }
}

/** Stands before a KMS that knows no `Recipient`: verifies the document, evaluates the key policy, answers real CMS. */
export async function serveKmsFront(options: KmsFrontOptions): Promise<{ server: Server; port: number }> {
  const server = createServer(options.tls, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', async () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const { status, body } = await answerRequest({ headers, body: Buffer.concat(chunks).toString() }, options);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() });
      response.end(body);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the KMS front has no port');
  return { server, port: address.port };
}
