import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../bin/cli/arguments.ts';
import { formatFindings } from '../../bin/cli/folder.ts';
import { formatCommandHelp, formatGroupHelp, formatHelpOverview, wrapHelp } from '../../bin/cli/help.ts';
import { measureText, wrapText } from '../../bin/cli/layout.ts';
import { formatStatusReport } from '../../bin/cli/status.ts';
import { cliCommands, GlobalFlags } from '../../bin/cli/verbs.ts';

const path = 'tables/quarterly/admissions-by-region-and-age-band-in-tayside-2026.csv';
const step = {
  standing: 'trouble',
  subject: 'Request al-0011223344556677 of asthma-tayside: Admissions by region, age band and quarter',
  status: 'timedOut',
  due: '2026-12-12T04:24:43.490Z',
  reason: 'Too few reviewers may vote, so nobody can decide it. Add people to the group reviewer.',
  command: 'airlock resume asthma-tayside al-0011223344556677',
} as const;

/** Lines that are wider than the screen, but for commands, which people copy. */
const wideLines = (text: string, width: number) =>
  text.split('\n').filter(line => measureText(line) > width && !line.includes('Next: broch '));

describe.each([60, 100, 200])('at %i columns', width => {
  it('the status of a person wraps, and its commands stay on one line', () => {
    const report = { name: 'olga', trouble: [step], waiting: [], underWay: [], more: [] };
    const text = formatStatusReport(report, width);
    expect(wideLines(text, width)).toEqual([]);
    expect(text).toContain(`    Next: broch ${step.command}`);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(`${step.subject} (timed out, due 2026-12-12`);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(step.reason);
  });

  it('findings on files are a table, or each path with its reason below it', () => {
    const text = formatFindings(
      [{ path, reason: 'The manifest lists it, but it was not uploaded. Upload it.' }],
      width,
    );
    expect(wideLines(text, width)).toEqual([]);
    expect(text.replaceAll(/\s+/g, '')).toContain(path);
  });
});

describe.each([60, 100, 200])('help at %i columns', width => {
  const globals = fieldsOf(GlobalFlags);
  const nouns = [...new Set(cliCommands.map(({ words }) => words[0] as string))];
  const helpTexts = [
    formatHelpOverview(cliCommands, globals),
    ...nouns.map(noun =>
      formatGroupHelp(
        noun,
        cliCommands.filter(({ words }) => words[0] === noun),
      ),
    ),
    ...cliCommands.map(command => formatCommandHelp(command, globals)),
  ];

  it('wraps all but the examples, and loses no word', () => {
    for (const text of helpTexts) {
      const wrapped = wrapHelp(text, width);
      const [explanation = ''] = wrapped.split('\nExamples\n');
      for (const line of explanation.split('\n')) expect(measureText(line), line).toBeLessThanOrEqual(width);
      expect(wrapped.replaceAll(/\s+/g, '')).toBe(text.replaceAll(/\s+/g, ''));
    }
  });
});

describe('wrapped text', () => {
  it('counts the columns of a terminal, not characters', () => {
    expect(measureText('日本 e\u0301 🏰')).toBe(9);
    for (const line of wrapText('日本語の表'.repeat(10), 20)) expect(measureText(line)).toBeLessThanOrEqual(20);
  });

  it('keeps every character, and a word whole if it fits a line', () => {
    const text = `a ${'b'.repeat(50)} see ${path}`;
    const lines = wrapText(text, 30);
    expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    expect(lines.every(line => measureText(line) <= 30)).toBe(true);
  });
});
