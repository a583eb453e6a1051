import { partBytes } from '../../functions/airlock/release/schemas.ts';
import type { TestUser } from './harness.ts';

type Params = { project: string; request: string };

/** Every byte from a file of the newest page on, or of the signed record, part by part. */
async function downloadAll(person: TestUser, params: Params, token: string, file?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; ; offset += partBytes) {
    const body = { token, from: offset, ...(file !== undefined && { file }) };
    const part = await person.ask('downloadPart', { params, body });
    parts.push(part);
    if (part.length < partBytes) return Buffer.concat(parts);
  }
}

/** The first page of a link that was taken, and the signed record. */
export async function fetchFirstPage(person: TestUser, params: Params, token: string) {
  const page = await person.ask('downloadFiles', { params, body: { token } });
  const bytes = await downloadAll(person, params, token, 0);
  let index = 0;
  const files = page.files.map(({ path, size }) => {
    index += size;
    return [path, bytes.toString('utf8', index - size, index)] as const;
  });
  return { files: Object.fromEntries(files), record: (await downloadAll(person, params, token)).toString() };
}
