import { SaxesParser } from 'saxes';
import { UnreadableError } from './bytes.ts';

/** Takes what stands in XML, in order. Entities are resolved; CDATA is text. */
export interface XmlHandler {
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  close?(name: string): void;
  text?(text: string): void;
  /** Text that is written as CDATA, where that makes a difference. */
  cdata?(text: string): void;
  /** A comment, or an instruction to a program. */
  remark?(text: string): void;
}

/** Deeper XML is none that programs write. */
const MAX_DEPTH = 256;

/**
 * Reads XML strictly and in one pass, as its text arrives in pieces. Whatever is not well-formed is unreadable, and so is
 * what declares entities: a document type is refused unless `doctype` allows it by its text.
 */
export class XmlReader {
  readonly #parser = new SaxesParser({ xmlns: false, position: false });
  #depth = 0;

  constructor(handler: XmlHandler, doctype?: RegExp) {
    const parser = this.#parser;
    parser.on('error', () => {
      throw new UnreadableError('it is not written as XML is');
    });
    parser.on('doctype', text => {
      if (!doctype?.test(text)) throw new UnreadableError('it declares entities or a type of document');
    });
    parser.on('xmldecl', ({ encoding }) => {
      if (encoding !== undefined && !/^utf-?(8|16)$/i.test(encoding))
        throw new UnreadableError('its XML is in another encoding');
    });
    parser.on('opentag', ({ name, attributes }) => {
      if (++this.#depth > MAX_DEPTH) throw new UnreadableError('it is nested too deep');
      handler.open(name, attributes as Record<string, string>);
    });
    parser.on('closetag', ({ name }) => {
      this.#depth--;
      handler.close?.(name);
    });
    parser.on('text', text => handler.text?.(text));
    parser.on('cdata', text => (handler.cdata ? handler.cdata(text) : handler.text?.(text)));
    parser.on('comment', text => handler.remark?.(text));
    parser.on('processinginstruction', ({ target, body }) => handler.remark?.(`${target} ${body}`));
  }

  write(text: string): void {
    this.#parser.write(text);
  }

  end(): void {
    this.#parser.close();
  }
}
