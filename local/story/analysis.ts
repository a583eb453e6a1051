import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { repositoryRoot } from '../cloud.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { withDesktopFolder } from './desktop.ts';

interface DatasetFile {
  /** The folder at which desktops mount the version. */
  readonly path: string;
  readonly file: string;
  readonly content: string;
}

/**
 * Runs a notebook on a file of a dataset as Rana's desktop has it: read-only, at the path of its version, with nbclient and
 * a kernel. The tables that it writes and the notebook go into the project's bucket. Returns what the notebook printed.
 */
export const runNotebook = (stage: DemoSetup, project: string, { path, file, content }: DatasetFile): Promise<string> =>
  withDesktopFolder(stage, project, async ({ s3, bucket }) => {
    const desktop = mkdtempSync(join(dirname(stage.facts.ca), 'desktop-'));
    try {
      const [data, tables, notebook] = ['data', 'tables', 'hot-days.ipynb'].map(name => join(desktop, name)) as [
        string,
        string,
        string,
      ];
      const mount = join(data, path);
      for (const folder of [mount, tables]) mkdirSync(folder, { recursive: true });
      writeFileSync(join(mount, file), content);
      chmodSync(join(mount, file), 0o444);
      await promisify(execFile)(
        join(repositoryRoot, '.venv/bin/python'),
        ['run_notebook.py', 'hot-days.ipynb', notebook],
        {
          cwd: join(repositoryRoot, 'local/story'),
          env: { HOME: desktop, PATH: process.env.PATH, DATA: mount, TABLES: tables },
        },
      );
      const files = [
        ...readdirSync(tables).map(name => ({ name: `outbox/paper/tables/${name}`, place: join(tables, name) })),
        { name: 'notebooks/hot-days.ipynb', place: notebook },
      ];
      for (const { name, place } of files)
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `data/${name}`, Body: readFileSync(place) }));
      return readPrintedText(readFileSync(notebook, 'utf8'));
    } finally {
      rmSync(desktop, { recursive: true });
    }
  });

/** What the cells of a notebook printed; empty if nobody ran the notebook. */
function readPrintedText(notebook: string): string {
  const { cells } = JSON.parse(notebook) as { cells: { outputs?: { name?: string; text?: string[] }[] }[] };
  const printed = cells.flatMap(({ outputs = [] }) => outputs).filter(({ name }) => name === 'stdout');
  return printed
    .flatMap(({ text = [] }) => text)
    .join('')
    .trim();
}
