import { afterAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { createFileCheck } from '../../functions/ingest/file-check.ts';
import { findMissingTables } from '../../functions/ingest/table-contract.ts';
import { checkDeliveryFiles, toSha256Hex } from './delivery.ts';
import { type HostileDelivery, hostileDeliveries } from './hostile-deliveries.ts';

/** Every finding of a delivery, as the plan and the verification would give them. */
async function findAll({ files, manifest, contract }: HostileDelivery): Promise<string[]> {
  const compared = checkDeliveryFiles(files, manifest);
  const targets = compared.files.flatMap(({ target }) => target ?? []);
  const missingTables = contract ? findMissingTables(contract, targets) : [];
  const planFindings = [...compared.findings.map(({ reason }) => reason), ...missingTables.map(() => 'no file is it')];
  if (planFindings.length > 0) return planFindings;
  const findings = compared.files.map(async ({ path, target, sha256 }) => {
    const bytes = Buffer.from(files[path] ?? '');
    if (toSha256Hex(bytes) !== sha256) return ['The SHA-256 is another.'];
    const check = createFileCheck(path, target, contract);
    // In pieces, as a stream comes.
    for (let offset = 0; offset < bytes.length; offset += 7000) check.take(bytes.subarray(offset, offset + 7000));
    const result = await check.end(bytes.subarray(0, 64 * 1024), memorySource(bytes));
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
