import type { User } from '../http/http.ts';
import { Refused } from '../refused.ts';
import { openMultipart, partBytesFor } from '../storage/multipart-upload.ts';
import { byteLength, pathProblem } from '../storage/paths.ts';
import type { UploadAccess } from '../storage/upload-access.ts';
import { MAX_DELIVERY_BYTES } from './compare.ts';

interface UploadPlace {
  readonly user: User;
  readonly source: string;
  readonly params: { readonly delivery: string };
}

/** Uploads in parts, each call with the rights of the credentials that `lend` issues for the delivery, and no more. */
export function createUploadHandlers(lend: (place: UploadPlace) => Promise<UploadAccess>) {
  async function open(place: UploadPlace, path: string) {
    const access = await lend(place);
    const problem = pathProblem(path, 1024 - byteLength(access.prefix));
    if (problem !== undefined) throw new Refused('conflict', problem);
    return { ...openMultipart(access), expires: access.expires };
  }
  return {
    startUpload: async ({ body: { path, size }, ...place }: UploadPlace & { body: { path: string; size: number } }) => {
      if (size > MAX_DELIVERY_BYTES)
        throw new Refused(
          'conflict',
          `A delivery has ${MAX_DELIVERY_BYTES} bytes at most. Split it into several deliveries.`,
        );
      const { start } = await open(place, path);
      const partBytes = partBytesFor(size);
      return { path, upload: await start(path), partBytes, parts: Math.ceil(size / partBytes) };
    },
    signUpload: async ({
      body: { path, upload, parts },
      ...place
    }: UploadPlace & { body: { path: string; upload: string; parts: number[] } }) => {
      const { signParts, expires } = await open(place, path);
      return { urls: await signParts({ path, upload }, parts), expires };
    },
    listUploadParts: async ({
      query: { path, upload },
      ...place
    }: UploadPlace & { query: { path: string; upload: string } }) => {
      const { listParts } = await open(place, path);
      const parts = await listParts({ path, upload });
      return { parts: parts.map(({ part, size }) => ({ part, size })) };
    },
    completeUpload: async ({
      body: { path, upload, size },
      ...place
    }: UploadPlace & { body: { path: string; upload: string; size: number } }) => {
      const { complete } = await open(place, path);
      return { path, parts: await complete({ path, upload }, size) };
    },
  };
}
