/** DER as X.509 and CMS use it: enough to write certificates and enveloped keys, nothing to read. */
const lengthBytes = (length: number): number[] => {
  if (length < 128) return [length];
  return length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
};

export const derElement = (tag: number, ...contents: readonly Uint8Array[]): Uint8Array => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Uint8Array.of(tag, ...lengthBytes(content.length)), content]);
};

export const derSequence = (...items: readonly Uint8Array[]) => derElement(0x30, ...items);
export const derSet = (...items: readonly Uint8Array[]) => derElement(0x31, ...items);
export const derBytes = (bytes: Uint8Array) => derElement(0x04, bytes);
export const derBits = (bytes: Uint8Array, unusedBits = 0) => derElement(0x03, Uint8Array.of(unusedBits), bytes);
export const derTrue = derElement(0x01, Uint8Array.of(0xff));
export const derUtf8 = (text: string) => derElement(0x0c, Buffer.from(text));
/** A context-specific element around others. */
export const derContext = (number: number, ...contents: readonly Uint8Array[]) =>
  derElement(0xa0 + number, ...contents);

/** A whole number from its bytes, of which the first may be zero. */
export const derInteger = (bytes: Uint8Array) =>
  derElement(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Uint8Array.of(0), bytes]) : bytes);

export function derIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  const bytes = [40 * first + second, ...arcs.flatMap(base128)];
  return derElement(0x06, Uint8Array.from(bytes));
}

function base128(value: number): number[] {
  const digits = [value & 127];
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 127) | 128);
  return digits;
}

/** A time of a certificate: two digits of the year until 2049, four after. */
export function derTime(milliseconds: number): Uint8Array {
  const digits = `${new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '')}`;
  return Number(digits.slice(0, 4)) < 2050
    ? derElement(0x17, Buffer.from(digits.slice(2)))
    : derElement(0x18, Buffer.from(digits));
}
