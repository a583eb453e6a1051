import { BlockList } from 'node:net';

/** Blocks overlap when one has the other's first address. */
export function networksOverlap(networkA: string, networkB: string): boolean {
  const contains = (outer: string, inner: string) => {
    const [base = '', length] = outer.split('/');
    const list = new BlockList();
    list.addSubnet(base, Number(length));
    return list.check(inner.split('/')[0] ?? '');
  };
  return contains(networkA, networkB) || contains(networkB, networkA);
}
