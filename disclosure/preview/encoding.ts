/** How a text's bytes were read, for the page to say; nothing where they are UTF-8. */
export type TextEncodingName = 'UTF-16' | 'Windows-1252' | undefined;

/**
 * Text of bytes: UTF-8 where they are that, else Windows-1252, of which Latin-1 is all but a part and in which every byte
 * is something. `whole` is false where the bytes may end within a sign.
 */
export function decodeText(bytes: Uint8Array, whole: boolean): { text: string; encoding: TextEncodingName } {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(bytes, { stream: !whole }), encoding: undefined };
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), encoding: 'Windows-1252' };
  }
}

export const isUtf16 = (head: Uint8Array): boolean =>
  (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
