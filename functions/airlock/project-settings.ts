import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { type DatasetGrant, ProjectGrants } from '../datasets/schemas.ts';
import { logger } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { DamagedRow, pageRows, type Row, readRow, writeRows } from '../table.ts';
import type { AirlockConfig } from './request/airlock-config.ts';
import { type Context, NO_PEOPLE } from './request/decision.ts';
import { applySettings, damagedSettings, SettingsChange } from './request/settings.ts';
import { decideSettings, type SettingsCommand } from './request/settings-patch.ts';

const settingsKey = (project: string) => rowKey('airlocks', project, 'SETTINGS');

/** The current settings, if any. `damaged` is set if their row cannot be read. */
export async function findSettings(
  table: string,
  project: string,
): Promise<{ ruling?: Row<SettingsChange> | undefined; damaged?: true }> {
  try {
    return { ruling: await readRow(table, SettingsChange, settingsKey(project)) };
  } catch (error) {
    if (!(error instanceof DamagedRow)) throw error;
    logger.error('a row is damaged', { row: error.message });
    return { damaged: true };
  }
}

/** The current settings, if any. Refuses if they cannot be read. */
export async function readSettings(table: string, project: string): Promise<Row<SettingsChange> | undefined> {
  const { ruling, damaged } = await findSettings(table, project);
  if (damaged) throw damagedSettings(project);
  return ruling;
}

/** The current settings, with the idempotency marks of the latest calls. */
const StoredSettings = SettingsChange.extend({ done: z.array(z.string()).default([]) });

/**
 * Changes a project's settings and returns the stored ones. Every version stays in the table, by its number. A repeated
 * call with the same idempotency mark changes nothing.
 */
export async function writeSettings(
  table: string,
  project: string,
  base: AirlockConfig,
  command: SettingsCommand,
  mark: string,
): Promise<SettingsChange> {
  const key = settingsKey(project);
  const read = await readRow(table, StoredSettings, key).catch((error: unknown) => {
    if (!(error instanceof DamagedRow)) throw error;
    // New settings replace a damaged row.
    return { settings: {}, done: [] as string[], revision: Number(error.item.revision) };
  });
  if (mark && read && 'by' in read && read.done.includes(mark)) return read;
  const ruling = decideSettings(base, read?.settings ?? {}, command);
  const number = String((read?.revision ?? 0) + 1).padStart(8, '0');
  const marks = [...(mark ? [mark] : []), ...(read?.done ?? [])].slice(0, 8);
  const success = await writeRows(table, [
    { key, read, item: { ...ruling, done: marks } },
    { key: rowKey('airlocks', project, `SETTINGS#${number}`), read: undefined, item: ruling },
  ]);
  if (!success)
    throw new Refused(
      'conflict',
      'Somebody else changed these settings at the same time. Read them again, then repeat your change.',
    );
  return ruling;
}

/** The versions of datasets that the project may read now. */
export async function readDatasetGrants(table: string, project: string): Promise<readonly DatasetGrant[]> {
  const row = await readRow(table, ProjectGrants, rowKey('use', project, 'GRANTS'));
  const now = Date.parse(currentTime());
  return (row?.grants ?? []).filter(({ endsAt }) => Date.parse(endsAt) > now);
}

/** All settings that a project ever had, newest first. */
export const pageSettings = (table: string, project: string, page: { limit: number; next?: string | undefined }) =>
  pageRows(table, SettingsChange, settingsKey(project).pk, {
    ...page,
    prefix: 'SETTINGS#',
    recover: ({ message }) => {
      logger.error('a row is damaged', { row: message });
      return undefined;
    },
  });

/** The organisation's configuration with the project's current settings applied. */
export async function loadAirlockConfig(table: string, project: string, base: AirlockConfig): Promise<AirlockConfig> {
  return applySettings(base, (await readSettings(table, project))?.settings);
}

/**
 * The context of a workflow step: the project's configuration, and no acting person. If the project's settings are damaged,
 * the organisation's configuration holds, so that faults and deadlines are still recorded.
 */
export async function loadProjectContext(table: string, project: string, base: AirlockConfig): Promise<Context> {
  const { ruling } = await findSettings(table, project);
  return { rules: applySettings(base, ruling?.settings), ...NO_PEOPLE };
}
