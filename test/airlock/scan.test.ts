import { describe, expect, it } from 'vitest';
import { collectStatuses } from '../../functions/airlock/steps/scan.ts';

/** A scan that ends one file after the other, as many between two reads as its speed says. */
function slowScan(speed: number) {
  let [reads, scannedFiles] = [0, 0];
  const read = async (index: number) => {
    reads += 1;
    scannedFiles += speed;
    return index < scannedFiles ? 'NO_THREATS_FOUND' : undefined;
  };
  return { read, reads: () => reads };
}
const noPauses = Array.from({ length: 6 }, () => 0);

/** All reads until every file has its status, over as many attempts as that takes. */
async function readsUntilScanned(files: number, speed: number): Promise<number> {
  const scan = slowScan(speed);
  for (let attempt = 0; attempt < 10_000; attempt++)
    if (!(await collectStatuses(files, scan.read, noPauses)).includes(undefined)) return scan.reads();
  throw new Error('the scan never ended');
}

describe('reading the results of a scan', () => {
  it('takes one read for each file where all are scanned', async () =>
    expect(await readsUntilScanned(10_000, 1000)).toBe(10_000));

  it('reads no file again and again while the scan of another one lasts', async () => {
    const scan = slowScan(0);
    expect(await collectStatuses(10_000, scan.read, noPauses)).toEqual(Array.from({ length: 10_000 }));
    expect(scan.reads()).toBeLessThan(300);
  });

  it('gives the statuses in the order of the files', async () => {
    const statuses = await collectStatuses(100, async index => `status ${index}`, []);
    expect(statuses).toEqual(Array.from({ length: 100 }, (_, index) => `status ${index}`));
  });

  it('waits for a missing status and reads only that one again', async () => {
    const counts = new Map<number, number>();
    const read = async (index: number) => {
      counts.set(index, (counts.get(index) ?? 0) + 1);
      return index === 40 && counts.get(40) !== 3 ? undefined : 'NO_THREATS_FOUND';
    };
    expect(await collectStatuses(100, read, [0, 0, 0])).not.toContain(undefined);
    expect([counts.get(40), counts.get(41), counts.get(99)]).toEqual([3, 1, 1]);
  });
});
