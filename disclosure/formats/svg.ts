import { memorySource } from '../byte-source.ts';
import { readWhole } from '../bytes.ts';
import { redrawSvg } from '../drawing.ts';
import { quoteForFinding } from '../findings.ts';
import { ALL_TIERS, type Format, type FormatCheck, type FormatRewrite } from '../format.ts';
import { MAX_IMAGE_BYTES, reportMetadata } from '../image.ts';
import { checkTextLines, splitTextLines, toUtf8Stream } from '../text.ts';

/** An SVG is a program as much as a picture: whatever is not drawn again when it is redrawn may not be in it. */
export const svgFormat: Format = {
  type: 'image/svg+xml',
  tiers: ALL_TIERS,
  extensions: ['svg'],
  kinds: ['figure'],
};

export const checkSvg: FormatCheck = async ({ source, findings }) => {
  const text = new TextDecoder().decode(await readWhole(toUtf8Stream(source), MAX_IMAGE_BYTES));
  findings.runs('image.active');
  findings.runs('image.metadata');
  for (const name of [...redrawSvg(text).refused].slice(0, 20)) {
    // What a drawing program keeps for itself has its own prefix.
    if (/“\w+:|embedded/.test(name)) reportMetadata(findings, quoteForFinding(name));
    else if (findings.runs('image.active'))
      findings.add(
        'image.active',
        `It has ${quoteForFinding(name)}, which may run or load something or is unknown. Export the drawing as PNG, or without it.`,
      );
  }
  checkTextLines(splitTextLines(text.replace(outlines, outline => outline.replace(/[^\r\n]+/g, ''))), findings);
};

export const rewriteSvg: FormatRewrite = async bytes => {
  const text = await readWhole(toUtf8Stream(memorySource(bytes)), MAX_IMAGE_BYTES);
  const { svg, refused: refusals } = redrawSvg(new TextDecoder().decode(text));
  return refusals.size > 0 ? undefined : new TextEncoder().encode(svg);
};

/** The lines of letters and curves, which are no text however their digits stand. */
const outlines = /\b(d|points)=("[MmLlHhVvCcSsQqTtAaZz\d\s.,eE+-]*"|'[MmLlHhVvCcSsQqTtAaZz\d\s.,eE+-]*')/g;
