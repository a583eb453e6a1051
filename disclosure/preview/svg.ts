import { escapeHtml, groupDigits, pluralise } from './escape.ts';
import { UnrenderableError } from './image.ts';
import type { PageLimits } from './limits.ts';
import { tokenizeMarkup } from './markup.ts';
import type { PagePart } from './page.ts';

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** What draws, and nothing that runs, loads, moves, links or holds other markup. */
const drawing = words(`svg g defs symbol path rect circle ellipse line polyline polygon text tspan clipPath
  linearGradient radialGradient stop use style`);
const geometry = words(`x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy width height d points transform viewBox
  preserveAspectRatio id class offset gradientUnits gradientTransform spreadMethod clipPathUnits rotate textLength
  lengthAdjust`);
const looks = words(`fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin
  stroke-miterlimit stroke-dasharray stroke-dashoffset color opacity stop-color stop-opacity font-family font-size
  font-style font-weight font-variant text-anchor dominant-baseline alignment-baseline baseline-shift letter-spacing
  word-spacing text-decoration visibility display clip-path clip-rule shape-rendering text-rendering writing-mode
  vector-effect paint-order overflow`);

const most = { elements: 100_000, depth: 100, copied: 20 * 1024 ** 2 };
const local = /^url\(\s*["']?#[\w:.-]+["']?\s*\)$/;

/** A value that names nothing outside of the drawing. */
const harmless = (value: string) =>
  /url\s*\(/i.test(value) ? local.test(value.trim()) : !/[\\@<{}]|javascript:|data:|expression/i.test(value);

/** Declarations that look like something, of all that are written. */
function declared(text: string): [string, string][] {
  return text.split(';').flatMap(one => {
    const at = one.indexOf(':');
    const [name, value] = [one.slice(0, at).trim().toLowerCase(), one.slice(at + 1).trim()];
    return at > 0 && looks.has(name) && value.length < 1000 && harmless(value) ? [[name, value] as const] : [];
  }) as [string, string][];
}

/** The rules of a style sheet that only say how things look. */
function sheet(text: string): string {
  if (/[@\\<]/.test(text)) return '';
  return text
    .split('/*')
    .map((part, index) => (index === 0 ? part : part.slice(part.indexOf('*/') + 2 || part.length)))
    .join('')
    .split('}')
    .flatMap(rule => {
      const at = rule.indexOf('{');
      const selector = rule.slice(0, at).trim();
      if (at < 0 || selector.length > 500 || !/^[\w\s.,#*>-]+$/.test(selector)) return [];
      const all = declared(rule.slice(at + 1)).map(([name, value]) => `${name}:${value}`);
      return all.length > 0 ? [`${selector}{${all.join(';')}}`] : [];
    })
    .join('\n');
}

interface Inside {
  readonly name: string;
  /** Its place in what is written, and whose name it bears. */
  readonly from: number;
  readonly id: string | undefined;
  readonly clips: boolean;
  copies: boolean;
}

/** The drawing rewritten from what may be in one; `dropped` counts what may not, `unseen` what is drawn unseen. */
export function redrawSvg(source: string): { svg: string; dropped: number; unseen: number } {
  const out: string[] = [];
  let [length, elements, dropped, unseen, skip] = [0, 0, 0, 0, 0];
  const put = (text: string) => {
    out.push(text);
    length += text.length;
  };
  const stack: Inside[] = [];
  const sizes = new Map<string, number>();
  const copying = new Set<string>();
  const uses = new Map<string, number>();
  let css = '';
  for (const piece of tokenizeMarkup(source)) {
    const inside = stack.at(-1);
    if (piece.kind === 'text') {
      if (skip > 0 || !inside) continue;
      if (inside.name === 'style') css += piece.text;
      else if (inside.name === 'text' || inside.name === 'tspan') put(escapeHtml(piece.text));
      continue;
    }
    if (piece.kind === 'close') {
      if (skip > 0) {
        skip--;
        continue;
      }
      if (inside?.name !== piece.name) throw new UnrenderableError('it is not written as XML is.');
      close();
      continue;
    }
    if (++elements > most.elements || stack.length + skip > most.depth)
      throw new UnrenderableError(`it has more than ${groupDigits(most.elements)} elements, or is nested too deep.`);
    if (skip > 0 || !drawing.has(piece.name) || (stack.length === 0) !== (out.length === 0)) {
      if (skip === 0 && !/^(title|desc|metadata)$/.test(piece.name)) dropped++;
      if (!piece.alone) skip++;
      continue;
    }
    if (stack.length === 0 && piece.name !== 'svg') throw new UnrenderableError('it does not begin as a drawing.');
    open(piece.name, piece.attributes, inside);
    if (piece.alone) close();
  }
  if (stack.length > 0 || out.length === 0) throw new UnrenderableError('it is not written as XML is.');

  function open(name: string, given: Map<string, string>, inside: Inside | undefined): void {
    const clips = inside?.clips === true || name === 'clipPath';
    const attributes = new Map<string, string>();
    for (const [key, value] of given) {
      if ((geometry.has(key) || looks.has(key)) && harmless(value)) attributes.set(key, value);
      else if (!/^(xmlns|style|href|xlink:href|version|xml:|role|aria-|data-)/.test(key)) dropped++;
    }
    for (const [key, value] of declared(given.get('style') ?? '')) attributes.set(key, value);
    // Cuttings of cuttings take time without end.
    if (clips) attributes.delete('clip-path');
    const href = given.get('href') ?? given.get('xlink:href');
    if (href !== undefined && /^#[\w:.-]+$/.test(href) && !(clips && name === 'use')) attributes.set('href', href);
    else if (href !== undefined) dropped++;
    if (/^(none|hidden|collapse)$/.test(attributes.get('display') ?? attributes.get('visibility') ?? '')) unseen++;
    else if (Number(attributes.get('opacity') ?? 1) === 0) unseen++;
    const id = attributes.get('id');
    stack.push({ name, from: length, id, clips, copies: false });
    if (name === 'use' && href) {
      uses.set(href.slice(1), (uses.get(href.slice(1)) ?? 0) + 1);
      for (const around of stack) around.copies = true;
    }
    if (name === 'style') return;
    const text = [...attributes].map(([key, value]) => ` ${key}="${escapeHtml(value)}"`).join('');
    put(`<${name}${stack.length === 1 ? ' xmlns="http://www.w3.org/2000/svg"' : ''}${text}>`);
  }
  function close(): void {
    const one = stack.pop();
    if (!one) return;
    if (one.name !== 'style')
      put(stack.length === 0 && css ? `<style>${escapeHtml(sheet(css))}</style></svg>` : `</${one.name}>`);
    if (one.id === undefined) return;
    sizes.set(one.id, Math.max(sizes.get(one.id) ?? 0, length - one.from));
    if (one.copies) copying.add(one.id);
  }

  // Copies of copies grow without end, and a few large ones nearly so.
  let copied = 0;
  for (const [id, times] of uses) {
    if (copying.has(id)) throw new UnrenderableError('it is made of copies of copies.');
    copied += times * (sizes.get(id) ?? 0);
  }
  if (copied > most.copied) throw new UnrenderableError('its copies come to more than can be drawn.');
  return { svg: out.join(''), dropped, unseen };
}

/**
 * A drawing as a picture: rewritten from a short list of what draws, and given as an image, in which a browser runs
 * nothing and fetches nothing even so. Throws UnrenderableError where that is impossible.
 */
export function renderSvg(source: string, limits: PageLimits, title: string): PagePart {
  const { svg: redrawing, dropped, unseen } = redrawSvg(source);
  const data = Buffer.from(redrawing).toString('base64');
  if (data.length > limits.html / 2) throw new UnrenderableError('it is too large to be drawn here.');
  const notes = [
    ...(dropped > 0 ? [`Left out here, as nothing that draws: ${pluralise(dropped, 'element or attribute')}.`] : []),
    ...(unseen > 0 ? [`Drawn so that nobody sees it: ${pluralise(unseen, 'element')}. Read the source.`] : []),
  ];
  return {
    html: `<section><h2>${title}, redrawn</h2><figure><img alt="the drawing, redrawn" src="data:image/svg+xml;base64,${data}"></figure>${notes.map(note => `<p class="note">${note}</p>`).join('')}</section>`,
    left: [],
  };
}
