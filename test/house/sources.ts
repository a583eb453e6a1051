import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Every file that git tracks or would track, as a path from the root. A link to a folder is no file: its files are listed once. */
export const repositoryFiles: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter(file => file !== '' && statSync(join(root, file)).isFile());

export const typeScriptFiles = repositoryFiles.filter(file => file.endsWith('.ts'));

/** What a function of a file answers, kept: the tests ask the same of every file. */
function keepAnswers<T>(read: (file: string) => T): (file: string) => T {
  const answers = new Map<string, T>();
  return file => {
    const stored = answers.get(file);
    if (stored !== undefined) return stored;
    const answer = read(file);
    answers.set(file, answer);
    return answer;
  };
}

export const readSource = keepAnswers(file => readFileSync(join(root, file), 'utf8'));

export const subfolders = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** Folders of functions/ that every capability shares. */
export const sharedFolders: readonly string[] = ['awake', 'events', 'http', 'storage'];

/** The capabilities that exist: the other folders of functions/. */
export const capabilityWords = subfolders('functions').filter(word => !sharedFolders.includes(word));

/** The files of this repository that a file imports, types included. */
export const localImports = keepAnswers(file =>
  [...readSource(file).matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(root, join(root, dirname(file), path)),
  ),
);

export const packageImports = (file: string): string[] =>
  [...readSource(file).matchAll(/from '([^.'][^']*)'/g)].map(([, name = '']) => name);
