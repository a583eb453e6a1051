import { UnreadableError } from '../bytes.ts';
import { redrawSvg } from '../drawing.ts';
import { pluralise } from './escape.ts';
import { UnrenderableError } from './image.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';

function redraw(source: string): ReturnType<typeof redrawSvg> {
  try {
    return redrawSvg(source);
  } catch (error) {
    throw error instanceof UnreadableError ? new UnrenderableError(`${error.message}.`) : error;
  }
}

/**
 * A drawing as a picture: rewritten from a short list of what draws, and given as an image, in which a browser runs
 * nothing and fetches nothing even so. Throws UnrenderableError where that is impossible.
 */
export function renderSvg(source: string, limits: PageLimits, title: string): PagePart {
  const { svg, refused: refusals, unseen } = redraw(source);
  const data = Buffer.from(svg).toString('base64');
  if (data.length > limits.html / 2) throw new UnrenderableError('it is too large to be drawn here.');
  const notes = [
    ...(refusals.size > 0
      ? [`Left out here, as nothing that draws: ${pluralise(refusals.size, 'kind of element or attribute')}.`]
      : []),
    ...(unseen > 0 ? [`Drawn so that nobody sees it: ${pluralise(unseen, 'element')}. Read the source.`] : []),
  ];
  return {
    html: `<section><h2>${title}, redrawn</h2><figure><img alt="the drawing, redrawn" src="data:image/svg+xml;base64,${data}"></figure>${notes.map(note => `<p class="note">${note}</p>`).join('')}</section>`,
    omissions: [],
  };
}
