import * as z from 'zod';
import { FileKind } from '../../../disclosure/file.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { SealedFile } from '../request/manifest.ts';
import { RequestId } from '../request/request.ts';

/** One attempt at a request: the input of every step of an execution. */
export const RequestAttempt = z.object({ project: ProjectId, request: RequestId, attempt: z.number().int().min(1) });
export type RequestAttempt = z.infer<typeof RequestAttempt>;

/** The folder in the work bucket where steps of an attempt exchange data. */
export const attemptFolder = ({ request, attempt }: RequestAttempt): string => `${request}/${attempt}`;

/** A file to seal, in the version that the plan pinned. */
export const PlannedFile = z.object({
  path: z.string(),
  version: z.string(),
  size: z.number().int(),
  etag: z.string(),
  kind: FileKind,
  group: z.number().int(),
});
export type PlannedFile = z.infer<typeof PlannedFile>;

export const SealedFiles = z.array(SealedFile);
