import * as z from 'zod';

/** A pool of networks with the same prefix length. Node and zod check blocks and membership; dividing them is done here. */
export interface NetworkPool {
  readonly cidr: string;
  readonly base: number;
  readonly prefix: number;
  readonly count: number;
}

const size = (prefix: number): number => 2 ** (32 - prefix);

function parse(cidr: string): { base: number; prefix: number } {
  if (!z.cidrv4().safeParse(cidr).success) throw new Error(`${cidr} is not an IPv4 block`);
  const [address = '', length] = cidr.split('/');
  const base = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const prefix = Number(length);
  if (base % size(prefix) !== 0) throw new Error(`${cidr} is not the first address of a block of its size`);
  return { base, prefix };
}

const format = (base: number, prefix: number): string =>
  `${[24, 16, 8, 0].map(shift => Math.floor(base / 2 ** shift) % 256).join('.')}/${prefix}`;

/** The pool `cidr`, divided into networks of `prefix`. */
export function parsePool(cidr: string, prefix: number): NetworkPool {
  const { base, prefix: whole } = parse(cidr);
  if (prefix < whole || prefix > 28) throw new Error(`${cidr} cannot be divided into networks of /${prefix}`);
  return { cidr, base, prefix, count: 2 ** (prefix - whole) };
}

export function networkAt(pool: NetworkPool, index: number): string {
  if (!Number.isInteger(index) || index < 0 || index >= pool.count)
    throw new Error(`${pool.cidr} has no network ${index}`);
  return format(pool.base + index * size(pool.prefix), pool.prefix);
}

/** The two halves of a network: a subnet for each zone. */
export function splitNetwork(cidr: string): [string, string] {
  const { base, prefix } = parse(cidr);
  return [format(base, prefix + 1), format(base + size(prefix + 1), prefix + 1)];
}

/**
 * Every network of the pool once, in an order that depends on the project, so that projects created at the same time
 * rarely try the same network first. An odd step reaches all of them because their number is a power of two.
 */
export function* candidateNetworks(pool: NetworkPool, project: string): Generator<string> {
  const start = hash(project);
  const step = hash(`${project}/step`) * 2 + 1;
  for (let index = 0; index < pool.count; index += 1)
    yield networkAt(pool, (start + index * (step % pool.count)) % pool.count);
}

/** FNV-1a, 32 bits: distributes evenly, but is not a cryptographic hash. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return value;
}
