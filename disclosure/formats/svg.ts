import { readWhole } from '../bytes.ts';
import type { Findings } from '../findings.ts';
import type { Format } from '../format.ts';
import { MAX_IMAGE_BYTES, reportMetadata, reportTrailing } from '../image.ts';
import { checkText, toUtf8Stream } from '../text.ts';

export const svgFormat: Format = {
  extensions: ['svg'],
  kinds: ['figure'],
  async check({ source, findings }) {
    checkDrawing(new TextDecoder().decode(await readWhole(toUtf8Stream(source), MAX_IMAGE_BYTES)), findings);
    await checkText(toUtf8Stream(source), findings);
  },
};

/** An SVG is a program as much as a picture: only drawing may be in it. */
function checkDrawing(text: string, findings: Findings): void {
  const active = (message: string) => {
    if (findings.runs('image.active'))
      findings.add('image.active', `${message} Export the drawing as PNG, or without it.`);
  };
  findings.runs('image.active');
  if (/<(\w+:)?(script|foreignObject|iframe|embed|object|handler|listener|animate|set)\b/i.test(text))
    active('It has scripts, animations or a page in it.');
  if (/\son[a-z]{3,20}\s*=/i.test(text) || /javascript:/i.test(text)) active('It has event handlers.');
  if (/<!(DOCTYPE[^<>]{0,2000}\[|ENTITY)/i.test(text)) active('It declares entities.');
  if (
    /(href|src)\s*=\s*["']\s*(?!#|data:image\/(png|jpe?g);)[^"'\s]/i.test(text) ||
    /url\(\s*["']?(?!#|data:image\/(png|jpe?g);)\s*[^)"'#\s]/i.test(text) ||
    /@import/i.test(text) ||
    /<\?xml-stylesheet/i.test(text)
  )
    active('It loads something from outside.');
  if (/data:image\//i.test(text) && findings.runs('image.metadata')) reportMetadata(findings, 'a picture in it');
  if (/<(sodipodi|inkscape|i:|x:xmpmeta)/i.test(text)) reportMetadata(findings, 'data of a drawing program');
  const end = text.lastIndexOf('</svg>');
  if (end >= 0) reportTrailing(findings, text.slice(end + 6).trim().length);
}
