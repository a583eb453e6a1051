import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { judgeDeliveryScan } from '../../functions/ingest/delivery-scan.ts';
import { createFileCheck } from '../../functions/ingest/file-check.ts';
import { findMissingTables } from '../../functions/ingest/table-contract.ts';
import { scanBytes } from '../../local/malware-engine.ts';
import { checkDeliveryFiles, toSha256Hex } from './delivery.ts';
import { hostileDeliveries } from './hostile-deliveries.ts';
import type { HostileDelivery } from './hostile-delivery.ts';

const startedAt = '2026-11-28T12:00:00.000Z';
const scanLimits = { now: startedAt, startedAt, scanMinutes: 60 };

/** Every finding of a delivery, as the plan and the verification would give them. */
async function findAll({ files, manifest, contract, scan }: HostileDelivery): Promise<string[]> {
  const compared = checkDeliveryFiles(files, manifest);
  const targets = compared.files.flatMap(({ target }) => target ?? []);
  const missingTables = contract ? findMissingTables(contract, targets) : [];
  const planFindings = [...compared.findings.map(({ reason }) => reason), ...missingTables.map(() => 'no file is it')];
  if (planFindings.length > 0) return planFindings;
  const findings = compared.files.map(async ({ path, target, sha256 }) => {
    const bytes = Buffer.from(files[path] ?? '');
    if (scan) {
      const verdict = judgeDeliveryScan(path, await scanBytes(Readable.from([bytes])), scanLimits);
      if (typeof verdict === 'object') return [verdict.reason];
    }
    if (toSha256Hex(bytes) !== sha256) return ['The SHA-256 is another.'];
    const check = createFileCheck(path, target, contract);
    // In pieces, as a stream comes.
    for (let offset = 0; offset < bytes.length; offset += 7000) check.take(bytes.subarray(offset, offset + 7000));
    const result = await check.end(bytes.subarray(0, 64 * 1024), memorySource(bytes), true);
    return result.findings.map(({ reason }) => reason);
  });
  return (await Promise.all(findings)).flat();
}

describe('a delivery with', () => {
  it.each(hostileDeliveries.map(delivery => [delivery.name, delivery] as const))('%s', async (_, delivery) => {
    const findings = await findAll(delivery);
    if (delivery.finding) expect(findings.join('\n')).toMatch(delivery.finding);
    else expect(findings).toEqual([]);
  });

  it('a name is in the corpus once', () => {
    expect(new Set(hostileDeliveries.map(({ name }) => name)).size).toBe(hostileDeliveries.length);
    expect(hostileDeliveries.length).toBeGreaterThanOrEqual(60);
  });
});

afterAll(() => {
  const heldCount = hostileDeliveries.filter(({ finding }) => finding).length;
  console.log(`hostile deliveries: ${hostileDeliveries.length}, of which ${heldCount} are held with the right reason`);
});
