import type { Policy, RuleName } from './policy.ts';
import type { Action, Cell, CheckFinding } from './report.ts';

/** How many cells a finding names; its count has them all. */
export const MAX_FINDING_CELLS = 50;
/** How many findings a report has: more is no help to a reviewer, and a hostile file could make any number. */
const mostFindings = 300;

/** The findings on one file as they are made. Those of one rule that say the same are one, with all its cells. */
export class Findings {
  readonly policy: Policy;
  readonly #found = new Map<string, CheckFinding>();
  readonly #ran = new Set<string>();

  constructor(policy: Policy) {
    this.policy = policy;
  }

  /** Whether a rule is to run; one that is asked for counts as having run. */
  runs(rule: RuleName): boolean {
    if (this.policy.rules[rule].action === 'off') return false;
    this.#ran.add(rule);
    return true;
  }

  /** `count` is how many places the finding has, when only some of them are named. */
  add(rule: RuleName, message: string, cells: readonly Cell[] = [], count = Math.max(1, cells.length)): void {
    const { action } = this.policy.rules[rule];
    if (action !== 'off') this.#add(action, rule, message, cells, count);
  }

  /** A finding that no policy makes milder than `least`. */
  addAtLeast(
    minimum: Action,
    rule: RuleName,
    message: string,
    cells: readonly Cell[] = [],
    count = Math.max(1, cells.length),
  ): void {
    const { action } = this.policy.rules[rule];
    this.#add(action === 'block' ? action : minimum, rule, message, cells, count);
  }

  /** What no rule over tables could judge: whoever has any of them on is asked, whatever a policy says of it. */
  unjudged(rule: 'sdc.not-run' | 'table.ragged', message: string, cells: readonly Cell[] = [], count?: number): void {
    const judges = Object.entries(this.policy.rules).some(
      ([name, { action }]) => name.startsWith('sdc.') && name !== 'sdc.not-run' && action !== 'off',
    );
    if (judges) this.addAtLeast('ask', rule, message, cells, count);
    else this.add(rule, message, cells, count);
  }

  #add(action: Action, rule: RuleName, message: string, cells: readonly Cell[], count: number): void {
    this.#ran.add(rule);
    const key = `${rule}\n${message}`;
    const entry = this.#found.get(key);
    if (entry) {
      entry.count += count;
      for (const cell of cells) if (entry.cells.length < MAX_FINDING_CELLS) entry.cells.push(clip(cell));
    } else if (this.#found.size < mostFindings) {
      this.#found.set(key, { rule, action, message, cells: cells.slice(0, MAX_FINDING_CELLS).map(clip), count });
    }
  }

  has(rule: RuleName): boolean {
    for (const { rule: name } of this.#found.values()) if (name === rule) return true;
    return false;
  }

  list(): CheckFinding[] {
    const order = ['block', 'ask', 'warn'];
    return [...this.#found.values()].sort((a, b) => order.indexOf(a.action) - order.indexOf(b.action));
  }

  ran(): string[] {
    return [...this.#ran].sort();
  }
}

const clip = (cell: Cell): Cell => ({ ...cell, value: cell.value.slice(0, 200) });

/** Text of the file itself, quoted in a finding: short, and without what could disturb a terminal or a page. */
export function quoteForFinding(text: string, maxLength = 60): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it replaces
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '�');
  return plain.length > maxLength ? `${plain.slice(0, maxLength)}…` : plain;
}
