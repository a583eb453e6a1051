import * as z from 'zod';
import { FileKind } from '../../../disclosure/file.ts';
import { ProjectId } from '../../projects/projects.ts';
import { SealedFile } from '../request/manifest.ts';
import { RequestId } from '../request/request.ts';

/** What an execution is about: one attempt at a request. Every step gets it. */
export const RequestAttempt = z.object({ project: ProjectId, request: RequestId, attempt: z.number().int().min(1) });
export type RequestAttempt = z.infer<typeof RequestAttempt>;

/** Where the steps of an attempt leave texts for each other. */
export const attemptFolder = ({ request, attempt }: RequestAttempt): string => `${request}/${attempt}`;

/** A file to be sealed, as the plan pinned it in the project's bucket. */
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
