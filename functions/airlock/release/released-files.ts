import * as z from 'zod';
import { ReleasedFile } from './record.ts';

/** Released files and where each lies, in which version. */
export const HeldFiles = z.array(ReleasedFile.extend({ key: z.string(), versionId: z.string() }));
export type HeldFiles = z.infer<typeof HeldFiles>;

/** Where an import is delivered to in the project's bucket: nobody who works there can change what lies below. */
export const imports = 'data/imports/';

export const heldKey = (request: string): string => `released/${request}/files.json`;
