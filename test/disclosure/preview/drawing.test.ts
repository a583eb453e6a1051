import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redrawSvg } from '../../../disclosure/drawing.ts';
import { measureProcessorTime } from '../../processor-time.ts';
import { sampleRuns } from '../../trials.ts';
import { makeDrawingWithMarkup } from './kinds.ts';
import { expectInert, renderTestPreview } from './pages.ts';

async function text(...file: Parameters<typeof renderTestPreview>) {
  const { html } = await renderTestPreview(...file);
  expectInert(html);
  return { body: html.slice(html.indexOf('<body>')) };
}

describe('a drawing', () => {
  it('is redrawn as programs export it, and stands beside its source', async () => {
    const { body } = await text('a.svg', 'image/svg+xml', makeDrawingWithMarkup(''));
    const svg = Buffer.from(/svg\+xml;base64,([^"]+)/.exec(body)?.[1] ?? '', 'base64').toString();
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain('.bar{fill:#1f5fa8}');
    expect(svg).toContain('<use x="150" y="50" href="#m">');
    expect(svg).toContain('clip-path="url(#c)"');
    expect(body).toContain('&lt;!DOCTYPE svg');
  });

  it.each([
    ['a script', '<script>alert(1)</script>'],
    ['a handler', '<g onload="alert(1)"/>'],
    ['an outside picture', '<image href="http://evil/x.png"/>'],
    ['an inside picture', '<image href="data:image/svg+xml,x"/>'],
    ['a page', '<foreignObject><iframe src="http://evil"/></foreignObject>'],
    ['a link', '<a href="javascript:alert(1)"><text>x</text></a>'],
    ['an animation', '<set attributeName="href" to="javascript:alert(1)"/>'],
    ['a use of elsewhere', '<use href="http://evil/x.svg#a"/>'],
    ['a fill from elsewhere', '<rect fill="url(http://evil/x.svg#a)"/>'],
    ['a style from elsewhere', '<rect style="fill:url(//evil)"/>'],
    ['a style that escapes', '<rect style="fill:\\75rl(//evil)"/>'],
    ['a sheet that imports', '<style>@import "http://evil";</style>'],
    ['a sheet that fetches', '<style>rect{fill:url(http://evil)} text{fill:red}</style>'],
    ['a filter', '<filter id="f"><feImage href="http://evil"/></filter><rect filter="url(#f)"/>'],
    ['a name with a prefix', '<svg:script xmlns:svg="http://www.w3.org/2000/svg">alert(1)</svg:script>'],
    ['markup in a text', '<text><![CDATA[</text><script>alert(1)</script>]]></text>'],
  ])('leaves out %s', (_, markup) => {
    const { svg } = redrawSvg(makeDrawingWithMarkup(markup));
    expect(svg).not.toMatch(
      /<(script|image|iframe|foreignObject|a|set|filter|svg:)\b|evil|\son|javascript:|@import|data:/,
    );
    expect(svg).toMatch(/<\/svg>$/);
  });

  const bomb = Array.from(
    { length: 30 },
    (_, index) => `<g id="g${index + 1}"><use href="#g${index}"/><use href="#g${index}"/></g>`,
  );
  it.each([
    ['copies of copies', `<g id="g0"><rect/></g>${bomb.join('')}`, 'copies of copies'],
    ['a copy of itself', '<g id="x"><use href="#x"/></g>', 'copies of copies'],
    [
      'large copies',
      `<path id="p" d="${'M0 0'.repeat(50_000)}"/>${'<use href="#p"/>'.repeat(200)}`,
      'more than can be drawn',
    ],
    ['depth', `${'<g>'.repeat(200)}${'</g>'.repeat(200)}`, 'too deep'],
    ['what is not closed', '<g>', 'not written as XML'],
    ['what is closed twice', '</g>', 'not written as XML'],
    ['an attribute twice', '<g id="a" id="b"/>', 'not written as XML'],
  ])('with %s is shown as its source only', async (_, markup, message) => {
    const { body } = await text('a.svg', 'image/svg+xml', makeDrawingWithMarkup(markup));
    expect(body).not.toContain('<img');
    expect(body).toContain(message);
    expect(body).toContain('class="lines"');
  });

  it('with entities of its own is not drawn', () =>
    expect(() => redrawSvg('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>')).toThrow('entities'));

  it('counts elements that are drawn invisibly', async () => {
    const { body } = await text(
      'a.svg',
      'image/svg+xml',
      makeDrawingWithMarkup('<text opacity="0">NHS 943</text><g display="none"/>'),
    );
    expect(body).toContain('Drawn so that nobody sees it: 2 elements');
  });

  it('is redrawn in linear time and well formed, whatever its characters', () => {
    const bit = fc.constantFrom(
      '<',
      '>',
      '</g>',
      '<g',
      '<g>',
      ' a="',
      '"',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<style>',
      '</style>',
      '{',
      '}',
      '/*',
      'x:y;',
      '&#60;',
      "'",
      '=',
      '/',
    );
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 40 }), bits => {
        let svg = '';
        try {
          ({ svg } = redrawSvg(makeDrawingWithMarkup(bits.join(''))));
        } catch (error) {
          expect((error as Error).name).toBe('Unreadable');
          return;
        }
        const elements = svg.match(/<[a-zA-Z]/g)?.length;
        expect(svg.match(/<\//g)?.length).toBe(elements);
      }),
      { numRuns: sampleRuns(500) },
    );
    for (const piece of [' ', '<!--', '<g a', 'a', '<![CDATA[', '"', '/*', '<g ']) {
      const spentTime = measureProcessorTime();
      try {
        redrawSvg(makeDrawingWithMarkup(piece.repeat(400_000)));
      } catch {}
      try {
        redrawSvg(makeDrawingWithMarkup(`<style>${piece.repeat(400_000)}</style>`));
      } catch {}
      expect(spentTime(), piece).toBeLessThan(2500);
    }
  });
});
