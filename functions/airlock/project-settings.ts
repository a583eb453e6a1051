import * as z from 'zod';
import { key } from '../keys.ts';
import { Refused } from '../refused.ts';
import { pageRows, readRow, writeRows } from '../table.ts';
import type { Rules } from './request/airlock-config.ts';
import { type Facts, nobody } from './request/decision.ts';
import { Ruling, rulesWith } from './request/settings.ts';

const settingsKey = (project: string) => key('airlocks', project, 'SETTINGS');

export const readRuling = (table: string, project: string) => readRow(table, Ruling, settingsKey(project));

/** The newest, with the marks of the calls that made the last of them. */
const Made = Ruling.extend({ done: z.array(z.string()).default([]) });

/**
 * Makes a project's settings what `ruling` says, and gives what they are then. Each one stays in the table for good, by
 * its number. The same call of the same person made again changes nothing: its answer was lost, no more.
 */
export async function writeRuling(table: string, project: string, ruling: Ruling, mark: string): Promise<Ruling> {
  const at = settingsKey(project);
  const read = await readRow(table, Made, at);
  if (mark && read?.done.includes(mark)) return read;
  const number = String((read?.revision ?? 0) + 1).padStart(8, '0');
  const done = [...(mark ? [mark] : []), ...(read?.done ?? [])].slice(0, 8);
  const written = await writeRows(table, [
    { key: at, read, item: { ...ruling, done } },
    { key: key('airlocks', project, `SETTINGS#${number}`), read: undefined, item: ruling },
  ]);
  if (!written) throw new Refused('conflict', 'Somebody else changed these settings at the same moment. Look again.');
  return ruling;
}

/** All settings that a project ever had, newest first. */
export const pageRulings = (table: string, project: string, page: { limit: number; next?: string | undefined }) =>
  pageRows(table, Ruling, settingsKey(project).pk, { ...page, prefix: 'SETTINGS#' });

/** The organisation's rules with the project's own on top, as they are now. */
export async function rulesFor(table: string, project: string, base: Rules): Promise<Rules> {
  return rulesWith(base, (await readRuling(table, project))?.settings);
}

/** What is so for a step of a workflow: the project's rules, and nobody in question. */
export async function factsOf(table: string, project: string, base: Rules): Promise<Facts> {
  return { rules: await rulesFor(table, project, base), ...nobody };
}
