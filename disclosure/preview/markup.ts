import { unescapeXml } from '../xml.ts';
import { UnrenderableError } from './image.ts';

/** A piece of markup: a tag that opens (and may close itself), one that closes, or text. */
export type MarkupToken =
  | { readonly kind: 'open'; readonly name: string; readonly attributes: Map<string, string>; readonly alone: boolean }
  | { readonly kind: 'close'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string };

const name = /[A-Za-z_][\w:.-]*/y;
const between = /[\s]*/y;
const equals = /\s*=\s*/y;
const broken = () => new UnrenderableError('it is not written as XML is.');

/** Reads markup in one pass, whatever it is. What is neither tag nor text is left out; entities of its own are refused. */
export function* tokenizeMarkup(xml: string): Generator<MarkupToken> {
  let at = 0;
  const past = (end: string, from: number): number => {
    const found = xml.indexOf(end, from);
    if (found < 0) throw broken();
    return found + end.length;
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(xml)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  while (at < xml.length) {
    const next = xml.indexOf('<', at);
    const end = next < 0 ? xml.length : next;
    if (end > at) yield { kind: 'text', text: unescapeXml(xml.slice(at, end)) };
    at = end;
    if (next < 0) return;
    if (xml.startsWith('<!--', at)) at = past('-->', at + 4);
    else if (xml.startsWith('<![CDATA[', at)) {
      const close = past(']]>', at);
      yield { kind: 'text', text: xml.slice(at + 9, close - 3) };
      at = close;
    } else if (xml.startsWith('<?', at)) at = past('?>', at);
    else if (xml.startsWith('<!', at)) {
      const close = past('>', at);
      if (xml.slice(at, close).includes('[')) throw new UnrenderableError('it declares entities of its own.');
      at = close;
    } else if (xml.startsWith('</', at)) {
      at += 2;
      const closed = take(name);
      take(between);
      if (closed === undefined || xml[at] !== '>') throw broken();
      at++;
      yield { kind: 'close', name: closed };
    } else {
      at++;
      const opened = take(name);
      if (opened === undefined) throw broken();
      const attributes = new Map<string, string>();
      for (;;) {
        take(between);
        const key = take(name);
        if (key === undefined) break;
        const quote = take(equals) === undefined ? undefined : xml[at];
        if (quote !== '"' && quote !== "'") throw broken();
        const close = past(quote, at + 1);
        if (attributes.has(key)) throw broken();
        attributes.set(key, unescapeXml(xml.slice(at + 1, close - 1)));
        at = close;
      }
      const alone = xml[at] === '/';
      if (alone) at++;
      if (xml[at] !== '>') throw broken();
      at++;
      yield { kind: 'open', name: opened, attributes, alone };
    }
  }
}
