import * as z from 'zod';
import { FindingPolicy } from './policy.ts';
import type { ImageRules } from './versions.ts';

/** The rules as an environment variable of a function. */
export const readImageRules = (json: string): ImageRules =>
  z.object({ policy: FindingPolicy, authors: z.array(z.string()), buildDays: z.number() }).parse(JSON.parse(json));
