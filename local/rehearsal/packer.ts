import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../cloud.ts';
import { rehearsalFolder } from './machine.ts';
import { requireProgram, runLoggedProgram } from './program.ts';

const amis = join(repositoryRoot, 'amis');

/** The release of the packer that is installed, such as 1.6.6. */
export function findPacker(): string | undefined {
  const { status, stdout } = spawnSync('packer', ['version'], { encoding: 'utf8' });
  return status === 0 ? /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

/** What Debian's 1.6.6 does not know. The tests hold it against the documented options of the plugin. */
const newer = [/\n {2}metadata_options \{[\s\S]*?\n {2}\}/g, /\n {2}(?:imds_support|ami_org_arns) += [^\n]*/g];

/** A value for every variable without a default. */
function inventValues(folder: string): string[] {
  const text = readdirSync(folder)
    .filter(name => name.endsWith('.hcl'))
    .map(name => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const values: Record<string, string> = { region: 'eu-west-2', kms_key_id: 'alias/images' };
  return [...text.matchAll(/^variable "(\w+)" \{\n([\s\S]*?)^\}/gm)]
    .filter(([, , body = '']) => !/^ {2}default /m.test(body))
    .flatMap(([, name = '']) => [
      '-var',
      `${name}=${values[name] ?? (name.endsWith('_sha256') ? '0'.repeat(64) : 'x-1')}`,
    ]);
}

/** Lets the real packer judge a recipe. Returns what it says against it. */
export async function validateRecipe(image: string, version: string): Promise<string | undefined> {
  const copy = join(rehearsalFolder, 'packer');
  const folder = join(copy, image);
  const log = join(rehearsalFolder, 'packer.log');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  // Node's own copy would keep the links to the shared files, and change those instead of copies.
  for (const name of ['shared', image])
    await requireProgram(['cp', '--recursive', '--dereference', join(amis, name), join(copy, name)], { log });
  if (version.startsWith('1.6.')) {
    rmSync(join(folder, 'plugins.pkr.hcl'));
    for (const name of readdirSync(folder).filter(file => file.endsWith('.hcl'))) {
      const text = readFileSync(join(folder, name), 'utf8');
      writeFileSync(
        join(folder, name),
        newer.reduce((rest, pattern) => rest.replace(pattern, ''), text),
      );
    }
  } else {
    const initialised = await runLoggedProgram(['packer', 'init', folder], { log });
    if (initialised.status !== 0) return initialised.output;
  }
  const { status, output } = await runLoggedProgram(['packer', 'validate', ...inventValues(folder), folder], { log });
  return status === 0 ? undefined : output;
}
