/** What Node's own X.509 class does not tell about a certificate. */
export interface CertificateExtensions {
  /** Identifiers of extensions that a verifier must understand, as hexadecimal DER. */
  readonly critical: readonly string[];
  readonly isAuthority: boolean;
  /** How many authorities may stand below this one; undefined for any number. */
  readonly pathLength: number | undefined;
  /** The bits of the key's permitted uses, most significant first; undefined when all are permitted. */
  readonly keyUsage: number | undefined;
}

export const BASIC_CONSTRAINTS = '551d13';
export const KEY_USAGE = '551d0f';

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Reads the elements that lie one after the other in `bytes`. Throws if they do not fill it. */
function readElements(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const tag = bytes[offset] as number;
    let length = bytes[offset + 1] ?? Number.NaN;
    let start = offset + 2;
    if (length > 127) {
      const count = length - 128;
      if (count < 1 || count > 2) throw new RangeError('a DER length is not of one to two bytes');
      length = bytes.slice(start, start + count).reduce((sum, byte) => sum * 256 + byte, 0);
      start += count;
    }
    if (!(start + length <= bytes.length)) throw new RangeError('a DER element is cut short');
    elements.push({ tag, content: bytes.slice(start, start + length) });
    offset = start + length;
  }
  return elements;
}

const SEQUENCE = 0x30;
const EXTENSIONS = 0xa3;
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const childrenOf = (element: Element | undefined): Element[] => (element ? readElements(element.content) : []);

/** Reads the extensions of a certificate in DER (RFC 5280, section 4.2) which Node has parsed before. */
export function readExtensions(der: Uint8Array): CertificateExtensions {
  const [certificate] = readElements(der);
  const [body] = childrenOf(certificate);
  const [list] = childrenOf(childrenOf(body).find(({ tag }) => tag === EXTENSIONS));
  const extensions = childrenOf(list).map(extension => {
    const [identifier, ...parts] = readElements(extension.content);
    const isCritical = parts.length === 2 && parts[0]?.content[0] === 0xff;
    return { id: toHex(identifier?.content ?? new Uint8Array()), isCritical, value: parts.at(-1)?.content };
  });
  const ids = extensions.map(({ id }) => id);
  if (new Set(ids).size < ids.length) throw new RangeError('a certificate has an extension twice');
  const elementsOf = (name: string) =>
    readElements(extensions.find(({ id }) => id === name)?.value ?? new Uint8Array());
  const [constraints] = elementsOf(BASIC_CONSTRAINTS);
  const rules = constraints?.tag === SEQUENCE ? childrenOf(constraints) : [];
  const [usage] = elementsOf(KEY_USAGE);
  return {
    critical: extensions.filter(({ isCritical }) => isCritical).map(({ id }) => id),
    isAuthority: rules.some(({ tag, content }) => tag === 1 && content[0] === 0xff),
    pathLength: rules.find(({ tag }) => tag === 2)?.content.reduce((sum, byte) => sum * 256 + byte, 0),
    // The first byte counts unused bits.
    keyUsage: usage?.content[1],
  };
}
