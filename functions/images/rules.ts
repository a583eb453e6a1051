import * as z from 'zod';
import type { ImageRules } from './images.ts';
import { FindingPolicy } from './policy.ts';

/** The rules as an environment variable of a function. */
export const readImageRules = (json: string): ImageRules =>
  z.object({ policy: FindingPolicy, authors: z.array(z.string()) }).parse(JSON.parse(json));
