/** A page whose text after the marker is replaced by newly generated text. */
export function renewPage(text: string, marker: string, content: string): string {
  const [hand = '', ...rest] = text.split(marker);
  if (rest.length !== 1) throw new Error(`the page must have this line once: ${marker}`);
  return `${hand}${marker}\n\n${content}`;
}
