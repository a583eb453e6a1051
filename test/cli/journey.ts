import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll } from 'vitest';
import type { UserGroup } from '../../functions/http/route.ts';
import type { connectTestCloud } from '../cloud.ts';
import { splitShellWords } from '../docs/markdown.ts';
import { writeEmbeddedCloudFile } from './embedded.ts';
import { type CliResult, makeTestFolder, runBroch } from './harness.ts';

/** Types a command line as a person, with the answers that they give at the terminal. Words may be quoted. */
export type TypeLine = (line: string, answers?: readonly string[]) => Promise<CliResult>;

/** People with a home of their own each, and the image that desktops start from, as `npm start` sets it. */
export async function enrolJourneyPeople<Name extends string>(
  cloud: ReturnType<typeof connectTestCloud>,
  roles: Record<Name, UserGroup>,
): Promise<Record<Name, TypeLine>> {
  const image = { Name: '/broch/images/linux/current', Value: 'ami-0a0a0a0a0a0a0a0a0', Type: 'String' } as const;
  await new SSMClient(cloud.configuration).send(new PutParameterCommand({ ...image, Overwrite: true }));
  const { file } = await writeEmbeddedCloudFile(cloud, makeTestFolder(afterAll), roles);
  return Object.fromEntries(
    (Object.keys(roles) as Name[]).map(name => {
      const env = { XDG_CONFIG_HOME: makeTestFolder(afterAll), BROCH_CLOUD: file, BROCH_AS: name };
      return [name, (line, answers) => runBroch(splitShellWords(line).slice(1), env, answers)] as [Name, TypeLine];
    }),
  ) as Record<Name, TypeLine>;
}

/** A folder with these files, which goes after the tests. */
export function makeFolder(files: Record<string, string>): string {
  const folder = makeTestFolder(afterAll);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}
