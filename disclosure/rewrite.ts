import { memorySource } from './byte-source.ts';
import { Findings } from './findings.ts';
import { formatNameOf } from './formats.ts';
import { FORMAT_READERS } from './readers.ts';
import { detectMediaType } from './sniff.ts';
import { policyFor } from './tier-policy.ts';

/** A larger file is not written again: it is held in memory. */
export const MAX_REWRITTEN_BYTES = 64 * 2 ** 20;

/** Whether files of a media type are written again where that is possible. What looks like a zip may be an office file. */
export function isRewritable(type: string): boolean {
  const name = formatNameOf(type);
  return type === 'application/zip' || (name !== undefined && FORMAT_READERS[name].rewrite !== undefined);
}

/**
 * A file as it may leave: written again from what reviewers are shown of it, so that nothing else leaves with it. Undefined
 * where that is impossible; the checks then judge the file as it is. The same bytes always give the same bytes.
 */
export async function rewriteFile(path: string, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (bytes.length > MAX_REWRITTEN_BYTES) return undefined;
  const name = formatNameOf(await detectMediaType(bytes.subarray(0, 65_536), memorySource(bytes), path));
  const findings = new Findings(policyFor(3));
  try {
    const rewritten = name && (await FORMAT_READERS[name].rewrite?.(bytes, findings));
    return findings.list().length > 0 ? undefined : rewritten;
  } catch {
    // Whatever cannot be read is reported by the checks.
    return undefined;
  }
}
