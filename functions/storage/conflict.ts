import { setTimeout as sleep } from 'node:timers/promises';

const MAX_ATTEMPTS = 5;

/**
 * Repeats a conditional write that met another on the same key. S3 answers 409 then, which the SDK does not retry, and asks
 * for the write again: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export async function retryConflicts<T>(write: () => Promise<T>, pauseMs = 100): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      const isConflict = error instanceof Error && error.name === 'ConditionalRequestConflict';
      if (!isConflict || attempt === MAX_ATTEMPTS) throw error;
      await sleep(Math.random() * pauseMs * 2 ** attempt);
    }
  }
}
