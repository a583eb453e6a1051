import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';

/** The list of the versions that the desktops of a project show. */
export const DatasetList = z.object({
  bucket: z.string(),
  datasets: z.array(z.object({ path: z.string(), dataset: z.string(), version: z.string(), prefix: z.string() })),
});
export const LIST_KEY = 'data/datasets/list.json';

/** The answer of a request: its text, or the name of the error. */
export async function readText(s3: S3Client, Bucket: string | undefined, Key: string): Promise<string> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  } catch (error) {
    return (error as Error).name;
  }
}
