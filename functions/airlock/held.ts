import * as z from 'zod';
import { ReleasedFile } from './release/record.ts';

/** Released files and where each lies, in which version. */
export const HeldFiles = z.array(ReleasedFile.extend({ key: z.string(), versionId: z.string() }));
export type HeldFiles = z.infer<typeof HeldFiles>;

export const heldKey = (request: string): string => `released/${request}/files.json`;
