import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { packFiles } from '../../functions/enclaves/pack/pack.ts';
import { localFile, writePackedFile } from '../../functions/enclaves/pack/packed-file.ts';
import {
  createRandom,
  listAlteredDocuments,
  listMutants,
  listRandomInputs,
  otherValues,
  tryDocuments,
} from '../enclaves/hostile-documents.ts';
import { documentOf, judge, smallDocument } from '../enclaves/sample-documents.ts';
import { median } from './median.ts';

type Log = (line: string) => void;

const VERIFICATIONS = 2000;
const RANDOM_INPUTS = 100_000;
const MiB = 1024 * 1024;
/** What the memory test packs, and the file of the speed test, which lies in the page cache for both programs. */
const LARGE_MIB = 4096;
const SMALL_MIB = 512;

/** A machine that also does other things treats two programs differently at times, so they take turns. */
const ROUNDS = 7;
const packHeader = { kmsKey: 'arn:aws:kms:eu-west-2:000000000000:key/bench', context: {} };
const packKey = { plaintext: new Uint8Array(32), wrappedKey: '' };

function timeVerifications(): { rate: number; p99: number } {
  const document = documentOf();
  const times: number[] = [];
  for (let count = 0; count < VERIFICATIONS; count++) {
    const started = performance.now();
    if (!judge(document).ok) throw new Error('a valid document was rejected');
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const total = times.reduce((sum, time) => sum + time, 0);
  return { rate: (1000 * VERIFICATIONS) / total, p99: times[Math.floor(0.99 * VERIFICATIONS)] ?? 0 };
}

/** Half of the inputs are random bytes, half are valid documents with some bytes changed, put in or taken out. */
function tryInputs(): { tried: number; accepted: number } {
  const random = tryDocuments(listRandomInputs(RANDOM_INPUTS / 2));
  const altered = tryDocuments(listAlteredDocuments(smallDocument(), RANDOM_INPUTS / 2));
  return { tried: random.tried + altered.tried, accepted: random.accepted + altered.accepted };
}

function writeSample(file: string, mebibytes: number): void {
  const random = createRandom();
  const block = Buffer.from(Uint8Array.from({ length: MiB }, () => random(256)));
  const handle = openSync(file, 'w');
  for (let count = 0; count < mebibytes; count++) writeSync(handle, block);
}

/** As `broch enclave pack` does it with data. */
const packFile = (file: string, size: number, target: string) =>
  writePackedFile([localFile(file, { path: 'data', size, isExecutable: false })], packHeader, packKey, target, {
    bill: false,
  });

async function timeSeconds(run: () => unknown): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

async function comparePacking(folder: string): Promise<{ pack: number; openssl: number; ratio: number }> {
  const [file, target] = [join(folder, 'sample'), join(folder, 'packed')];
  writeSample(file, SMALL_MIB);
  const openssl = ['enc', '-aes-256-ctr', '-K', '00'.repeat(32), '-iv', '00'.repeat(16), '-in', file, '-out', target];
  const times: { pack: number[]; openssl: number[] } = { pack: [], openssl: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.openssl.push(await timeSeconds(() => execFileSync('openssl', openssl)));
    times.pack.push(await timeSeconds(() => packFile(file, SMALL_MIB * MiB, target)));
  }
  rmSync(file);
  const ratios = times.openssl.map((seconds, round) => seconds / (times.pack[round] ?? 0));
  return { pack: median(times.pack), openssl: median(times.openssl), ratio: median(ratios) };
}

/** The memory at its peak while so many mebibytes are packed. They are made as they are read, so the disk holds none of them. */
async function measurePeak(mebibytes: number): Promise<number> {
  const random = createRandom();
  const block = Buffer.from(Uint8Array.from({ length: MiB }, () => random(256)));
  async function* generate() {
    for (let count = 0; count < mebibytes; count++) yield block;
  }
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const packed = packFiles(
    [{ path: 'data', size: mebibytes * MiB, isExecutable: false, read: generate }],
    packHeader,
    packKey,
    () => {},
  );
  for await (const _ of packed) await setImmediate();
  clearInterval(timer);
  return peak / MiB;
}

/** Verifying attestations, hostile documents, and packing beside `openssl enc`. */
export async function benchEnclave(log: Log): Promise<Record<string, number>> {
  log(`${VERIFICATIONS} verifications`);
  const { rate, p99 } = timeVerifications();
  log(`${RANDOM_INPUTS} random and altered documents`);
  const inputs = tryInputs();
  log('every byte of a document with every value');
  const mutants = tryDocuments(listMutants(smallDocument(), otherValues));
  const folder = mkdtempSync(join(tmpdir(), 'broch-enclave-'));
  try {
    log(`packing ${SMALL_MIB} MiB, beside openssl`);
    const { pack, openssl, ratio } = await comparePacking(folder);
    log(`packing 64 MiB and ${LARGE_MIB} MiB, for the memory`);
    const smallPeak = await measurePeak(64);
    const largePeak = await measurePeak(LARGE_MIB);
    return {
      verifications_per_second: rate,
      verification_p99_ms: p99,
      inputs_tried: inputs.tried,
      inputs_accepted: inputs.accepted,
      mutants_tried: mutants.tried,
      mutants_accepted: mutants.accepted,
      pack_mb_per_second: SMALL_MIB / pack,
      openssl_mb_per_second: SMALL_MIB / openssl,
      pack_to_openssl_ratio: ratio,
      peak_mib_small: smallPeak,
      peak_mib_large: largePeak,
      peak_large_to_small_ratio: largePeak / smallPeak,
      large_mib: LARGE_MIB,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
