import { UnreadableError } from './bytes.ts';
import { escapeHtml } from './preview/escape.ts';
import { XmlReader } from './xml-reader.ts';

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** What draws, and nothing that runs, loads, moves, links or holds other markup. */
const drawingElements = words(`svg g defs symbol path rect circle ellipse line polyline polygon text tspan clipPath
  linearGradient radialGradient stop use style`);
const wordElements = words('title desc metadata');
const geometry = words(`x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy width height d points transform viewBox
  preserveAspectRatio id class offset gradientUnits gradientTransform spreadMethod clipPathUnits rotate textLength
  lengthAdjust`);
const lookAttributes =
  words(`fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin
  stroke-miterlimit stroke-dasharray stroke-dashoffset color opacity stop-color stop-opacity font-family font-size
  font-style font-weight font-variant text-anchor dominant-baseline alignment-baseline baseline-shift letter-spacing
  word-spacing text-decoration visibility display clip-path clip-rule shape-rendering text-rendering writing-mode
  vector-effect paint-order overflow`);
/** Attributes that say something about the drawing to programs, and draw nothing. */
const described =
  /^(xmlns(:\w+)?|style|href|xlink:(href|title|type)|version|baseProfile|xml:\w+|role|type|lang|pointer-events|tabindex|focusable|font-stretch|(aria|data)-[\w-]+)$/;
const doctype = /^\s*svg(\s+PUBLIC\s+"-\/\/W3C\/\/DTD SVG [\w. ]+\/\/EN"\s+"https?:\/\/www\.w3\.org\/[\w./-]+")?\s*$/;

const limits = { elements: 100_000, depth: 100, copiedLength: 20 * 1024 ** 2 };
const local = /^url\(\s*["']?#[\w:.-]+["']?\s*\)$/;

/** A value that names nothing outside of the drawing. */
const isHarmless = (value: string) =>
  /url\s*\(/i.test(value) ? local.test(value.trim()) : !/[\\@<{}]|javascript:|data:|expression/i.test(value);

/** A new line after a tag, but not where it would be text. */
const lineEnd = (container = '') => (/^t(ext|span)$/.test(container) ? '' : '\n');
/** The outline of a shape in lines that a page can show. */
function foldOutline(key: string, value: string): string {
  if (key !== 'd' && key !== 'points') return value;
  const lines: string[] = [];
  let line = '';
  for (const [piece] of value
    .trim()
    .replace(/\s+/g, ' ')
    .matchAll(/[ MmLlHhVvCcSsQqTtAaZz]?[^ MmLlHhVvCcSsQqTtAaZz]*/g))
    if (line.length + piece.length <= MAX_OUTLINE_LINE) line += piece;
    else {
      lines.push(line.trimEnd());
      line = piece.trimStart();
    }
  return [...lines, line].filter(text => text !== '').join('\n');
}
const MAX_OUTLINE_LINE = 160;

/** A font that is written in one, as Matplotlib does: “italic 12px Arial”. */
function splitFont(value: string): [string, string][] {
  const [, marks = '', size, family] = /^((?:[a-z]+ |\d00 )*)([\d.]+[a-z%]*) (.+)$/.exec(value) ?? [];
  const weight = /bold|\d00/.exec(marks)?.[0];
  const style = /italic|oblique/.exec(marks)?.[0];
  return [
    ...(size === undefined ? [] : [['font-size', size] satisfies [string, string]]),
    ...(family === undefined ? [] : [['font-family', family] satisfies [string, string]]),
    ...(weight === undefined ? [] : [['font-weight', weight] satisfies [string, string]]),
    ...(style === undefined ? [] : [['font-style', style] satisfies [string, string]]),
  ];
}

interface OpenElement {
  readonly name: string;
  /** Its place in what is written, and whose name it bears. */
  readonly start: number;
  readonly id: string | undefined;
  readonly clips: boolean;
  copies: boolean;
}

/** What was drawn again, and what was not: by name, so that a person can say what it is. */
export interface Redrawing {
  readonly svg: string;
  readonly refused: ReadonlySet<string>;
  /** How many elements are drawn so that nobody sees them. */
  readonly unseen: number;
}

/** Draws a drawing again, from what may be in one. */
class DrawingWriter {
  readonly refused = new Set<string>();
  readonly #output: string[] = [];
  readonly #stack: OpenElement[] = [];
  readonly #sizes = new Map<string, number>();
  readonly #copying = new Set<string>();
  readonly #uses = new Map<string, number>();
  unseen = 0;
  #length = 0;
  #elements = 0;
  /** How deep the reading is in an element that is left out. */
  #skipped = 0;
  #styles = '';

  open(name: string, values: Readonly<Record<string, string>>): void {
    const parent = this.#stack.at(-1);
    if (++this.#elements > limits.elements || this.#stack.length + this.#skipped > limits.depth)
      throw new UnreadableError(`it has more than ${limits.elements} elements, or is nested too deep`);
    if (this.#skipped > 0 || !drawingElements.has(name)) {
      const isPicture = name === 'image' && /^data:image\/(png|jpe?g);/.test(values.href ?? values['xlink:href'] ?? '');
      if (this.#skipped === 0 && !wordElements.has(name))
        this.refused.add(isPicture ? 'an embedded picture' : `the element “${name}”`);
      this.#skipped++;
      return;
    }
    if (!parent && name !== 'svg') throw new UnreadableError('it does not begin as a drawing');
    const clips = parent?.clips === true || name === 'clipPath';
    const attributes = this.#attributes(values, clips, name);
    const hidden = attributes.get('display') ?? attributes.get('visibility') ?? '';
    if (/^(none|hidden|collapse)$/.test(hidden) || Number(attributes.get('opacity') ?? 1) === 0) this.unseen++;
    this.#stack.push({ name, start: this.#length, id: attributes.get('id'), clips, copies: false });
    const href = attributes.get('href');
    if (name === 'use' && href !== undefined) {
      this.#uses.set(href.slice(1), (this.#uses.get(href.slice(1)) ?? 0) + 1);
      for (const ancestor of this.#stack) ancestor.copies = true;
    }
    if (name === 'style') return;
    const text = [...attributes].map(([key, value]) => ` ${key}="${escapeHtml(foldOutline(key, value))}"`).join('');
    this.#put(`<${name}${parent ? '' : ' xmlns="http://www.w3.org/2000/svg"'}${text}>${lineEnd(name)}`);
  }

  close(): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const element = this.#stack.pop();
    if (!element) return;
    const { name, id } = element;
    if (name !== 'style')
      this.#put(
        this.#stack.length === 0 && this.#styles
          ? `<style>${escapeHtml(this.#sheet(this.#styles))}</style></svg>`
          : `</${name}>${lineEnd(this.#stack.at(-1)?.name)}`,
      );
    if (id === undefined) return;
    this.#sizes.set(id, Math.max(this.#sizes.get(id) ?? 0, this.#length - element.start));
    if (element.copies) this.#copying.add(id);
  }

  text(text: string): void {
    const name = this.#skipped > 0 ? undefined : this.#stack.at(-1)?.name;
    if (name === 'style') this.#styles += text;
    else if (name === 'text' || name === 'tspan') this.#put(escapeHtml(text));
  }

  end(): string {
    // Copies of copies grow without end, and a few large ones nearly so.
    let copiedLength = 0;
    for (const [id, times] of this.#uses) {
      if (this.#copying.has(id)) throw new UnreadableError('it is made of copies of copies');
      copiedLength += times * (this.#sizes.get(id) ?? 0);
    }
    if (copiedLength > limits.copiedLength) throw new UnreadableError('its copies come to more than can be drawn');
    return this.#output.join('');
  }

  #put(text: string): void {
    this.#output.push(text);
    this.#length += text.length;
  }

  #attributes(values: Readonly<Record<string, string>>, clips: boolean, element: string): Map<string, string> {
    const attributes = new Map<string, string>();
    for (const [key, value] of Object.entries(values)) {
      if ((geometry.has(key) || lookAttributes.has(key)) && isHarmless(value)) attributes.set(key, value);
      else if (!described.test(key)) this.refused.add(`the attribute “${key}”`);
    }
    for (const [key, value] of this.#declarations(values.style ?? '')) attributes.set(key, value);
    // Cuttings of cuttings take time without end.
    if (clips) attributes.delete('clip-path');
    const href = values.href ?? values['xlink:href'];
    if (href !== undefined && /^#[\w:.-]+$/.test(href) && !(clips && element === 'use')) attributes.set('href', href);
    else if (href !== undefined) this.refused.add('a link');
    return attributes;
  }

  /** Declarations that look like something, of all that are written. */
  #declarations(text: string): [string, string][] {
    return text.split(';').flatMap((declaration): [string, string][] => {
      const colon = declaration.indexOf(':');
      const [name, value] = [declaration.slice(0, colon).trim().toLowerCase(), declaration.slice(colon + 1).trim()];
      if (!isHarmless(value)) this.refused.add('a style that loads something');
      if (colon <= 0 || value.length >= 1000 || !isHarmless(value)) return [];
      if (name === 'font') return splitFont(value);
      return lookAttributes.has(name) ? [[name, value]] : [];
    });
  }

  /** The rules of a style sheet that only say how things look. */
  #sheet(text: string): string {
    if (/[@\\<]/.test(text)) {
      this.refused.add('a style sheet with more than colours and lines');
      return '';
    }
    return text
      .split('/*')
      .map((part, index) => (index === 0 ? part : part.slice(part.indexOf('*/') + 2 || part.length)))
      .join('')
      .split('}')
      .flatMap(rule => {
        const brace = rule.indexOf('{');
        const selector = rule.slice(0, brace).trim();
        const declarations =
          brace < 0 ? [] : this.#declarations(rule.slice(brace + 1)).map(([name, value]) => `${name}:${value}`);
        return declarations.length > 0 && selector.length <= 500 && /^[\w\s.,#*>-]+$/.test(selector)
          ? [`${selector}{${declarations.join(';')}}`]
          : [];
      })
      .join('\n');
  }
}

/** The drawing rewritten from what may be in one. Throws UnreadableError where that is impossible. */
export function redrawSvg(source: string): Redrawing {
  const writer = new DrawingWriter();
  const reader = new XmlReader(
    {
      open: (name, attributes) => writer.open(name, attributes),
      close: () => writer.close(),
      text: text => writer.text(text),
      remark: text => {
        if (text.startsWith('xml-stylesheet')) writer.refused.add('a style sheet from outside');
      },
    },
    doctype,
  );
  reader.write(source.replace(/^\ufeff/, ''));
  reader.end();
  return { svg: writer.end(), refused: writer.refused, unseen: writer.unseen };
}
