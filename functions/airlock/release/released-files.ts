import * as z from 'zod';
import { ReleasedFile } from './record.ts';

/** The released files, each with its key and version. */
export const StoredFiles = z.array(ReleasedFile.extend({ key: z.string(), versionId: z.string() }));
export type StoredFiles = z.infer<typeof StoredFiles>;

export const releasedFilesKey = (request: string): string => `released/${request}/files.json`;
