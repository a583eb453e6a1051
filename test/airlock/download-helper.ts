import { partBytes } from '../../functions/airlock/release/schemas.ts';
import type { TestUser } from './harness.ts';

type Params = { project: string; request: string };

/** Every byte from a file of the newest page on, or of the signed record, part by part. */
async function all(who: TestUser, params: Params, token: string, file?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let from = 0; ; from += partBytes) {
    const body = { token, from, ...(file !== undefined && { file }) };
    const part = await who.ask('downloadPart', { params, body });
    parts.push(part);
    if (part.length < partBytes) return Buffer.concat(parts);
  }
}

/** The first page of a link that was taken, and the signed record. */
export async function fetchFirstPage(who: TestUser, params: Params, token: string) {
  const page = await who.ask('downloadFiles', { params, body: { token } });
  const bytes = await all(who, params, token, 0);
  let index = 0;
  const files = page.files.map(({ path, size }) => {
    index += size;
    return [path, bytes.toString('utf8', index - size, index)] as const;
  });
  return { files: Object.fromEntries(files), record: (await all(who, params, token)).toString() };
}
