/** Objects that a Lambda handles at the same time: enough to hide the latency of S3, fewer than its sockets. */
export const OBJECT_PARALLELISM = 32;

/**
 * Runs `work` on all items, at most `width` at the same time, and keeps their order. After the first error it starts no
 * more items, waits for the running ones and throws that error.
 */
export async function mapInParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker));
  for (const end of outcomes) if (end.status === 'rejected') throw end.reason;
  return results;
}
