import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { repositoryRoot } from '../cloud.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { withDesktopFolder } from './desktop.ts';

const SOURCE = 'data/admissions.csv';
const counts = { region: { Dundee: 140, Perth: 3, Angus: 85 }, year: { 2023: 120, 2024: 108 } };

/** One line for each invented admission, with the counts above. */
function inventAdmissions(): string {
  const list = (column: Readonly<Record<string, number>>) =>
    Object.entries(column).flatMap(([value, count]) => Array<string>(count).fill(value));
  const years = list(counts.year);
  return `region,year\n${list(counts.region)
    .map((region, index) => `${region},${years[index]}\n`)
    .join('')}`;
}

/**
 * Runs a real analysis on the project's data as the desktop has them: Python counts, and the tables go where the airlock
 * takes them from. The count of Perth is small.
 */
export const analyseAdmissions = (stage: DemoSetup, project: string, target: string): Promise<string> =>
  withDesktopFolder(stage, project, async ({ s3, bucket }) => {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: SOURCE, Body: inventAdmissions() }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: SOURCE }));
    const folder = mkdtempSync(join(dirname(stage.facts.ca), 'analysis-'));
    try {
      const file = join(folder, 'admissions.csv');
      const tables = mkdtempSync(join(folder, 'tables-'));
      writeFileSync(file, (await Body?.transformToString()) ?? '');
      const python = join(repositoryRoot, '.venv/bin/python');
      const program = join(repositoryRoot, 'local/story/analysis.py');
      const output = execFileSync(python, [program, file, tables], { encoding: 'utf8' });
      for (const name of readdirSync(tables))
        await s3.send(
          new PutObjectCommand({ Bucket: bucket, Key: `${target}${name}`, Body: readFileSync(join(tables, name)) }),
        );
      return output.trim();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
