import { partBytes } from '../../functions/airlock/release/shapes.ts';
import type { Somebody } from './ground.ts';

type Params = { project: string; request: string };

/** A file of the page that was asked for last, or the signed record, part by part. */
export async function fetched(who: Somebody, params: Params, token: string, file?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let from = 0; ; from += partBytes) {
    const body = { token, from, ...(file !== undefined && { file }) };
    const part = await who.ask('downloadPart', { params, body });
    parts.push(part);
    if (part.length < partBytes) return Buffer.concat(parts);
  }
}
