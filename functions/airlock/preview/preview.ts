import type { FileReport } from '../report.ts';
import { card } from './hex.ts';
import { image, isPicture, NotShown } from './image.ts';
import { type Limits, limits as usual } from './limits.ts';
import { type Part, page } from './page.ts';
import { table } from './table.ts';
import { isText, text } from './text.ts';

export interface Previewed {
  readonly path: string;
  /** The media type that the seal says, for what people read and as a wish: the bytes decide. */
  readonly type: string;
  readonly size?: number;
  readonly report?: FileReport | undefined;
}

const tables = /^text\/(csv|tab-separated-values|tsv)\b/;

/** The first bytes of a stream, and the same stream from its beginning. */
async function peek(bytes: AsyncIterable<Uint8Array>, most: number) {
  const iterator = bytes[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let [count, whole] = [0, false];
  while (count < most) {
    const { value, done } = await iterator.next();
    if (done) {
      whole = true;
      break;
    }
    held.push(value);
    count += value.length;
  }
  const head = Buffer.concat(held);
  async function* again() {
    try {
      yield head;
      while (!whole) {
        const { value, done } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head: head.subarray(0, most), whole: whole && count <= most, again, close: () => iterator.return?.() };
}

async function render(file: Previewed, bytes: AsyncIterable<Uint8Array>, limits: Limits): Promise<Part> {
  const first = await peek(bytes, 64 * 1024);
  const refuse = (why: string) => card(first.head, file.size, why);
  try {
    if (first.whole && first.head.length === 0) return card(first.head, 0, 'The file is empty.');
    if (isPicture(first.head)) {
      const { head, whole } = await peek(first.again(), limits.image);
      return whole ? image(head, limits) : refuse(`It is a picture of more than ${limits.image / 1024 ** 2} MiB.`);
    }
    if (!isText(first.head, first.whole))
      return refuse(
        tables.test(file.type)
          ? 'It says it is a table, but is not UTF-8 text.'
          : `It is ${file.type}, which is not rendered.`,
      );
    const named = /\.(tsv|tab)$/i.test(file.path) || /tab-separated|tsv/.test(file.type) ? '\t' : ',';
    if (tables.test(file.type) || /\.(csv|tsv|tab)$/i.test(file.path))
      return await table(first.again(), file.report, limits, named);
    const { head, whole } = await peek(first.again(), limits.text);
    return text(head, whole, limits);
  } catch (error) {
    if (error instanceof NotShown) return refuse(error.message);
    throw error;
  } finally {
    await first.close();
  }
}

/**
 * A file as reviewers may safely see it: one HTML document in which nothing runs and which fetches nothing, with what the
 * checks found beside it and marked in it. Tables and text are shown as text, pictures drawn anew from their pixels;
 * anything else is a card with its first bytes. `truncated` says that not all is shown (the page says what is missing).
 *
 * Serve it with `content-type: text/html; charset=utf-8`, `x-content-type-options: nosniff`, the policy of style.ts plus
 * `sandbox; frame-ancestors 'self'` as a header, or inside `<iframe sandbox srcdoc>`.
 */
export async function preview(
  file: Previewed,
  bytes: AsyncIterable<Uint8Array>,
  limits: Limits = usual,
): Promise<{ html: string; truncated: boolean }> {
  const part = await render(file, bytes, limits);
  return { html: page(file, [part]), truncated: part.left.length > 0 };
}
