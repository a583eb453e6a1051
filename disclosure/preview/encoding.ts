/** How a text's bytes were read, for the page to say; nothing where they are UTF-8. */
export type TextEncodingName = 'UTF-16' | 'Windows-1252' | undefined;

/**
 * Decodes bytes as UTF-8 or else as Windows-1252, which contains Latin-1 and in which every byte is
 * a character. `whole` is false where the bytes may end within a character.
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
