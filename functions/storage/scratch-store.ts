import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { sha256 } from '../hash.ts';
import { Finding } from '../identifiers.ts';
import { s3 } from './s3.ts';

/** A file of a chunk, as the plan pinned it. */
export const ChunkFile = z.object({
  path: z.string(),
  version: z.string(),
  size: z.number().int(),
  etag: z.string(),
  sha256: z.string(),
  target: z.string().optional(),
});
export const Chunk = z.array(ChunkFile);
export const FindingList = z.array(Finding);

/**
 * Leaves a text for a later step and gives its key, which ends in its SHA-256: what a repeated step writes again is
 * either the same object or another one, so no step can change what another has read.
 */
export async function putScratch(bucket: string, folder: string, text: string): Promise<string> {
  const key = `${folder}/${sha256(text)}`;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text }));
  return key;
}

/** Takes what `leave` left. */
export async function getScratch(bucket: string, key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const text = (await Body?.transformToString()) ?? '';
  if (!key.endsWith(`/${sha256(text)}`)) throw new Error(`${key} is not what was left there`);
  return text;
}
