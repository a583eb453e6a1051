import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { scratch } from './temp-dir.ts';

const root = join(import.meta.dirname, '..');

export interface Bundle {
  /** Holds `index.mjs` and nothing else. */
  readonly folder: string;
  readonly bytes: number;
  readonly hash: string;
  /** The SDK commands that the bundle's code can send, such as `dynamodb:GetItem`: what survived tree shaking. */
  readonly commands: readonly string[];
}

const made = new Map<string, Bundle>();

/** Bundles a handler file (a path below functions/) as one minified ES module. The SDK is bundled too, pinning it. */
export function bundle(entry: string): Bundle {
  const known = made.get(entry);
  if (known) return known;
  const folder = scratch('bundle');
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [`functions/${entry}`],
    outfile: join(folder, 'index.mjs'),
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // The modules' ESM builds shake; their main ones don't.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': join(root, 'functions/storage/credentials.ts') },
    banner: {
      js: "import{createRequire as brochRequire}from'node:module';const require=brochRequire(import.meta.url);",
    },
    metafile: true,
    logLevel: 'error',
  });
  const [output] = Object.values(metafile.outputs);
  const commands = Object.entries(output?.inputs ?? {}).flatMap(([path, { bytesInOutput }]) => {
    const command = /@aws-sdk\/client-([^/]+)\/.*\/commands\/(\w+)Command\.js$/.exec(path);
    return command && bytesInOutput > 0 ? [`${command[1]}:${command[2]}`] : [];
  });
  const code = readFileSync(join(folder, 'index.mjs'));
  const result = {
    folder,
    bytes: code.length,
    hash: createHash('sha256').update(code).digest('hex'),
    commands: [...new Set(commands)].sort(),
  };
  made.set(entry, result);
  return result;
}
