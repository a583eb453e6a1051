import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { deployCloud } from '../local/deployed-cloud.ts';
import { startScanner } from '../local/scanner.ts';
import { trustCertificate } from '../local/trust.ts';
import { type CastName, type SignedInPerson, signInCast } from './airlock/cast.ts';
import { skippedScanMarker } from './airlock/scans.ts';
import { assertCallsValid, readJudgedCalls } from './judged-calls.ts';

declare module 'vitest' {
  interface ProvidedContext {
    estate: Awaited<ReturnType<typeof deployCloud>>['facts'];
    cast: Record<CastName, SignedInPerson>;
  }
}

/** One embedded cloud with the whole app in one account, waits scaled to zero; each run has its own and leaves nothing. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env.EMBEDDED_MODELS = '1';
  const folder = mkdtempSync(join(tmpdir(), 'broch-test-'));
  const estate = await deployCloud({ folder, account: '000000000000', waits: 0, faults: true, concurrency: 64 });
  trustCertificate(estate.facts.ca);
  project.provide('estate', estate.facts);
  project.provide('cast', await signInCast(estate.facts));
  const scanner = await startScanner(estate.facts, { skips: key => key.includes(skippedScanMarker) });
  return async () => {
    await scanner.close();
    const calls = await readJudgedCalls(estate.facts.plain);
    await estate.close();
    rmSync(folder, { recursive: true, force: true });
    assertCallsValid(calls);
  };
}
