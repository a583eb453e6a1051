import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidateNetworks, networkAt, parsePool, splitNetwork } from '../../functions/projects/cidr.ts';
import { networksOverlap } from './networks.ts';

const pools = fc
  .record({
    a: fc.integer({ min: 1, max: 223 }),
    whole: fc.integer({ min: 12, max: 24 }),
    more: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ a: octet, whole, more: extraBits }) => parsePool(`${octet}.0.0.0/${whole}`, Math.min(28, whole + extraBits)));

describe('a pool', () => {
  it.each([
    ['10.64.0.0/12', 22, 1024, '10.64.0.0/22', '10.79.252.0/22'],
    ['10.64.0.0/16', 22, 64, '10.64.0.0/22', '10.64.252.0/22'],
    ['192.168.4.0/24', 24, 1, '192.168.4.0/24', '192.168.4.0/24'],
    ['223.255.255.0/24', 26, 4, '223.255.255.0/26', '223.255.255.192/26'],
  ])('%s cut by /%i has %i networks, from %s to %s', (cidr, prefix, count, first, last) => {
    const pool = parsePool(cidr, prefix);
    expect([pool.count, networkAt(pool, 0), networkAt(pool, count - 1)]).toEqual([count, first, last]);
    expect(() => networkAt(pool, count)).toThrow('has no network');
    expect(() => networkAt(pool, -1)).toThrow('has no network');
  });

  it.each([
    ['10.64.0.1/12', 22, 'is not the first address'],
    ['10.1.0.0/8', 22, 'is not the first address'],
    ['10.256.0.0/16', 22, 'is not an IPv4 block'],
    ['10.0.0.0/33', 22, 'is not an IPv4 block'],
    ['10.0.0.0', 22, 'is not an IPv4 block'],
    ['10.0.0.0/8/8', 22, 'is not an IPv4 block'],
    ['010.0.0.0/8', 22, 'is not an IPv4 block'],
    ['10.0.0.0/08', 22, 'is not an IPv4 block'],
    ['10.0.0.0/8 ', 22, 'is not an IPv4 block'],
    ['2001:db8::/32', 22, 'is not an IPv4 block'],
    ['10.0.0.0/24', 22, 'cannot be divided'],
    ['10.0.0.0/24', 29, 'cannot be divided'],
  ])('%s cut by /%i is refused', (cidr, prefix, reason) => expect(() => parsePool(cidr, prefix)).toThrow(reason));

  it('is divided completely into networks that do not overlap', () => {
    fc.assert(
      fc.property(pools, fc.nat(), fc.nat(), (pool, first, second) => {
        const [networkA, networkB] = [networkAt(pool, first % pool.count), networkAt(pool, second % pool.count)];
        expect(networksOverlap(networkA, networkB)).toBe(networkA === networkB);
        expect(networksOverlap(networkA, pool.cidr)).toBe(true);
      }),
    );
  });

  it('tries each network once for every project', () => {
    fc.assert(
      fc.property(pools, fc.string(), (pool, project) => {
        const order = [...candidateNetworks(pool, project)];
        expect(order.length).toBe(pool.count);
        expect(new Set(order).size).toBe(pool.count);
      }),
    );
  });

  it('starts at different networks for projects that are requested at once', () => {
    const pool = parsePool('10.64.0.0/12', 22);
    const firsts = Array.from({ length: 100 }, (_, index) => candidateNetworks(pool, `project-${index}`).next().value);
    expect(new Set(firsts).size).toBeGreaterThan(85);
  });
});

describe('halves', () => {
  it('do not overlap and lie inside the block', () => {
    fc.assert(
      fc.property(pools, fc.nat(), (pool, index) => {
        const block = networkAt(pool, index % pool.count);
        const [subnetA, subnetB] = splitNetwork(block);
        expect(networksOverlap(subnetA, subnetB)).toBe(false);
        expect(networksOverlap(subnetA, block) && networksOverlap(subnetB, block)).toBe(true);
      }),
    );
  });
  it('of a /22 are two /23', () => expect(splitNetwork('10.64.4.0/22')).toEqual(['10.64.4.0/23', '10.64.6.0/23']));
});
