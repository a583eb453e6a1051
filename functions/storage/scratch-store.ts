import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { sha256 } from '../hash.ts';
import { Finding } from '../identifiers.ts';
import { s3 } from './s3.ts';

/** A file of a chunk, with the version that the plan recorded. */
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
 * Stores a text for a later step and returns its key, which ends in its SHA-256. A repeated step writes the same object
 * or another one, so it cannot change what another step has read.
 */
export async function putScratch(bucket: string, folder: string, text: string): Promise<string> {
  const key = `${folder}/${sha256(text)}`;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text }));
  return key;
}

/** Reads a stored text and checks its hash. */
export async function getScratch(bucket: string, key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const text = (await Body?.transformToString()) ?? '';
  if (!key.endsWith(`/${sha256(text)}`)) throw new Error(`${key} differs from what was stored there`);
  return text;
}
