import { relative } from 'node:path';
import { build, transform } from 'esbuild';
import { bundleOptions } from '../lib/bundle.ts';

const namedImport = /import\s*\{([^}]*)\}\s*from\s*"@aws-sdk\/client-([\w-]+)"/g;
const clientPackage = /["'`]@aws-sdk\/client-[\w-]+["'`]/g;

/** The errors of the SDK that don't end in `Exception`. */
const errorNames = new Set([
  'ExecutionAlreadyExists',
  'ExecutionDoesNotExist',
  'NoSuchUpload',
  'TaskDoesNotExist',
  'TaskTimedOut',
]);

/**
 * The command that an export of an SDK client sends; none for a client and for an error. An export that could send other
 * commands (a waiter, a client with a method for each command) is refused: the rights of a function follow from its commands.
 */
function commandOf(name: string): string | undefined {
  if (/(Client|Exception)$/.test(name) || errorNames.has(name)) return undefined;
  const command = /^paginate(\w+)$/.exec(name)?.[1] ?? /^(\w+)Command$/.exec(name)?.[1];
  if (!command) throw new Error(`${name} of the SDK is not known here: send a command, or say which one it sends`);
  return command;
}

/** The SDK commands that a module still imports, such as `dynamodb:GetItem`, sorted. */
export function commandsIn(code: string): string[] {
  const imports = [...code.matchAll(namedImport)];
  if (imports.length !== (code.match(clientPackage)?.length ?? 0))
    throw new Error('import the names that you use from an SDK client: no other way shows which commands are sent');
  const commands = imports.flatMap(([, names = '', client]) =>
    names.split(',').flatMap(part => {
      const command = commandOf(part.trim().split(/\s/)[0] ?? '');
      return command ? [`${client}:${command}`] : [];
    }),
  );
  return [...new Set(commands)].sort();
}

/**
 * The SDK commands of each Lambda function after tree shaking, by its path below functions/. The second step removes the
 * imports that no code uses any more, which esbuild does for TypeScript alone.
 */
export async function findSdkCommands(): Promise<ReadonlyMap<string, readonly string[]>> {
  const options = bundleOptions();
  const { metafile, outputFiles } = await build({
    ...options,
    outdir: 'bundles',
    external: ['@aws-sdk/client-*'],
    write: false,
  });
  const lists = await Promise.all(
    outputFiles.map(async ({ path, text }) => {
      const { entryPoint = '' } = metafile.outputs[relative(options.absWorkingDir, path)] ?? {};
      const { code } = await transform(text, { loader: 'ts', minify: true });
      return [entryPoint.slice('functions/'.length), commandsIn(code)] as const;
    }),
  );
  return new Map(lists);
}
