/** How many objects a Lambda handles at once: enough to hide S3's latency, fewer than its sockets. */
export const OBJECT_PARALLELISM = 32;

/**
 * Runs `work` over all items, at most `width` at once; stops taking new ones at the first error, which it throws once
 * nothing is under way any more. Keeps the order.
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
  const ended = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return results;
}
