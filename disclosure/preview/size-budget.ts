import { groupDigits } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';

/** Parts of a page while there is room for them: what a file of many parts unfolds to is bounded as a whole. */
export class SizeBudget {
  readonly parts: PagePart[] = [];
  readonly #limits: PageLimits;
  #left: number;
  #refused = 0;
  #offered = 0;

  constructor(limits: PageLimits) {
    this.#limits = limits;
    this.#left = limits.html;
  }

  get left(): number {
    return Math.max(0, this.#left);
  }

  get full(): boolean {
    return this.#left <= 0 || this.parts.length >= this.#limits.parts;
  }

  /** Makes a part, unless the page is full; then it is counted. */
  add(make: (room: number) => PagePart): void {
    if (++this.#offered < this.#limits.start.part) return;
    if (this.full) {
      this.#refused++;
      return;
    }
    const part = make(this.left);
    this.#left -= Buffer.byteLength(part.html);
    this.parts.push(part);
  }

  /** All parts, with a last word on those that there was no room for. */
  all(): PagePart[] {
    const earlier = Math.min(this.#offered, this.#limits.start.part - 1);
    const omissions = [
      ...(earlier > 0 ? [`${groupDigits(earlier)} earlier parts of the file.`] : []),
      ...(this.#refused > 0 ? [`${groupDigits(this.#refused)} further parts of the file.`] : []),
    ];
    return omissions.length > 0 ? [...this.parts, { html: '', omissions }] : this.parts;
  }
}
