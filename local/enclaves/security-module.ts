import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { type CborMap, type CborValue, decodeCbor } from '../../functions/enclaves/cbor.ts';
import type { Holder } from './certificates.ts';
import { type CborInput, documentPayload, encodeCbor, signDocument, type TestAuthority } from './hypervisor.ts';

export interface EnclaveIdentity {
  readonly authority: TestAuthority;
  readonly leaf: Holder;
  readonly moduleId: string;
  /** The measurements of the image, the role and the instance: PCR0 to PCR4. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** The time on documents; the clock's, unless a test judges time. */
  readonly clock?: () => number;
}

/** Registers that a loader must not change: the hypervisor sets them. */
const FIRST_FREE = 16;

/** The state of one enclave's security module: what NSM does on AWS, with a private root in place of AWS's. */
class SecurityModule {
  readonly #identity: EnclaveIdentity;
  readonly #pcrs = new Map<number, Uint8Array>();
  readonly #locks = new Set<number>(Array.from({ length: FIRST_FREE }, (_, index) => index));

  constructor(identity: EnclaveIdentity) {
    this.#identity = identity;
    for (let index = 0; index < FIRST_FREE; index++) this.#pcrs.set(index, new Uint8Array(48));
    for (const [index, value] of identity.pcrs) this.#pcrs.set(index, value);
  }

  answer(request: CborValue): CborInput {
    const [[name, fields] = []] = request instanceof Map ? [...request] : [];
    if (typeof name !== 'string' || !(fields instanceof Map)) return fault('InvalidOperation');
    const index = fields.get('index');
    switch (name) {
      case 'DescribePCR':
        return typeof index === 'number' ? reply(name, { data: this.#read(index) }) : fault('InvalidArgument');
      case 'ExtendPCR':
        return this.#extend(index, fields.get('data'));
      case 'LockPCR':
        if (typeof index !== 'number' || this.#locks.has(index)) return fault('ReadOnlyIndex');
        this.#locks.add(index);
        return name;
      case 'Attestation':
        return reply(name, { document: this.#attest(fields) });
      default:
        return fault('InvalidOperation');
    }
  }

  #read(index: number): Uint8Array {
    return this.#pcrs.get(index) ?? new Uint8Array(48);
  }

  #extend(index: CborValue | undefined, data: CborValue | undefined): CborInput {
    if (typeof index !== 'number' || index > 31 || !(data instanceof Uint8Array)) return fault('InvalidArgument');
    if (this.#locks.has(index)) return fault('ReadOnlyIndex');
    const value = createHash('sha384').update(this.#read(index)).update(data).digest();
    this.#pcrs.set(index, value);
    return reply('ExtendPCR', { data: value });
  }

  #attest(fields: CborMap): Uint8Array {
    const { authority, leaf, moduleId, clock = Date.now } = this.#identity;
    const optional = (name: string) => {
      const value = fields.get(name);
      return value instanceof Uint8Array ? value : null;
    };
    const document = {
      moduleId,
      timestamp: clock(),
      pcrs: this.#pcrs,
      publicKey: optional('public_key'),
      userData: optional('user_data'),
      nonce: optional('nonce'),
    };
    return signDocument(encodeCbor(documentPayload(document, authority, leaf), true), leaf.privateKey);
  }
}

const fault = (reason: string): CborInput => new Map([['Error', reason]]);
const reply = (name: string, fields: Record<string, CborInput>): CborInput =>
  new Map<CborInput, CborInput>([[name, new Map<CborInput, CborInput>(Object.entries(fields))]]);

/** Serves the security module of one enclave on a Unix socket, in place of /dev/nsm: each message has its length before it. */
export async function serveSecurityModule(path: string, identity: EnclaveIdentity): Promise<Server> {
  const module = new SecurityModule(identity);
  const server = createServer(socket => answerSocket(socket, module));
  await new Promise<void>(resolve => server.listen(path, resolve));
  return server;
}

function answerSocket(socket: Socket, module: SecurityModule): void {
  let input = Buffer.alloc(0);
  socket.on('data', chunk => {
    input = Buffer.concat([input, chunk]);
    if (input.length < 4 || input.length < 4 + input.readUInt32BE()) return;
    const response = encodeCbor(module.answer(decodeCbor(input.subarray(4))));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(response.length);
    socket.end(Buffer.concat([length, response]));
  });
  socket.on('error', () => socket.destroy());
}
