import * as z from 'zod';
import type { Route } from '../http/route.ts';
import { DeliveryId } from './schemas.ts';

const routeDefaults = {
  capability: 'ingest',
  status: 200,
  stepOf: 'deliver',
  callers: [{ group: 'partner' }],
  params: z.object({ delivery: DeliveryId }),
} as const;
const Path = z.string().min(1).max(1024).describe('the path of the file in the delivery');
const Upload = z.string().min(1).max(1024).describe('the id of the upload in parts');
const Size = z.number().int().min(1).describe('the size of the file in bytes');
const Part = z.number().int().min(1).max(10_000);

/** Uploads in parts by signed addresses, for programs and browsers that have no AWS credentials. */
export const uploadRoutes = {
  startUpload: {
    ...routeDefaults,
    method: 'POST',
    path: '/deliveries/{delivery}/uploads',
    status: 201,
    cli: 'delivery upload-start',
    summary: 'Start the upload of a file in parts, up to 1 TiB',
    example: 'delivery upload-start dl-0011223344556677 --path visits.csv --size 7000000000',
    body: z.object({ path: Path, size: Size }),
    returns: z.object({
      path: z.string(),
      upload: z.string(),
      partBytes: z.number().int(),
      parts: z.number().int(),
    }),
  },
  signUpload: {
    ...routeDefaults,
    method: 'POST',
    path: '/deliveries/{delivery}/uploads/urls',
    cli: 'delivery upload-urls',
    mints: true,
    summary: 'Get the addresses to which parts of a file are sent with PUT, for ten minutes',
    example: 'delivery upload-urls dl-0011223344556677 --path visits.csv --upload 2~abc --parts 1 --parts 2',
    body: z.object({ path: Path, upload: Upload, parts: z.array(Part).min(1).max(100) }),
    returns: z.object({ urls: z.array(z.object({ part: Part, url: z.string() })), expires: z.iso.datetime() }),
  },
  listUploadParts: {
    ...routeDefaults,
    method: 'GET',
    path: '/deliveries/{delivery}/uploads',
    cli: 'delivery upload-parts',
    summary: 'List the parts of a file that arrived, to resume its upload',
    example: 'delivery upload-parts dl-0011223344556677 --path visits.csv --upload 2~abc',
    query: z.object({ path: Path, upload: Upload }),
    returns: z.object({ parts: z.array(z.object({ part: Part, size: z.number().int() })) }),
  },
  completeUpload: {
    ...routeDefaults,
    method: 'POST',
    path: '/deliveries/{delivery}/uploads/complete',
    cli: 'delivery upload-complete',
    summary: 'Complete the upload of a file when all of its parts arrived',
    example: 'delivery upload-complete dl-0011223344556677 --path visits.csv --upload 2~abc --size 7000000000',
    body: z.object({ path: Path, upload: Upload, size: Size }),
    returns: z.object({ path: z.string(), parts: z.number().int() }),
  },
} as const satisfies Record<string, Route>;
