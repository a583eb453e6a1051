import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import { createTempDir } from './temp-dir.ts';

const root = join(import.meta.dirname, '..');

export interface Bundle {
  /** Contains `index.mjs` and the shared modules that it imports, side by side. */
  readonly folder: string;
  readonly bytes: number;
  /** Changes when one of the folder's files changes. */
  readonly hash: string;
}

/** The files of all Lambda functions, as paths below functions/. */
const lambdaFiles = (): string[] =>
  readdirSync(join(root, 'functions'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.lambda.ts'))
    .sort();

const moduleName = (entry: string) => entry.replace(/\.lambda\.ts$/, '').replaceAll('/', '-');

/** How esbuild bundles all functions in one call: each call starts a process and reads the SDK again. */
export const bundleOptions = () =>
  ({
    absWorkingDir: root,
    entryPoints: lambdaFiles().map(file => ({ in: `functions/${file}`, out: moduleName(file) })),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Only the ESM builds of the modules can be tree-shaken.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': join(root, 'functions/storage/credentials.ts') },
    metafile: true,
    logLevel: 'error',
  }) as const satisfies BuildOptions;

/**
 * Bundles all functions, and gives each a folder of its own. What several functions use is one module (`splitting`): to
 * write it into each of them takes esbuild eight times as long, and gigabytes of memory.
 */
function bundleAll(folder: string): ReadonlyMap<string, Bundle> {
  const modules = join(folder, 'modules');
  const { outputs } = buildSync({
    ...bundleOptions(),
    outdir: modules,
    splitting: true,
    banner: {
      js: "import{createRequire as brochRequire}from'node:module';const require=brochRequire(import.meta.url);",
    },
  }).metafile;

  const withImports = (path: string, closure = new Set<string>()): ReadonlySet<string> => {
    if (closure.has(path)) return closure;
    closure.add(path);
    for (const module of outputs[path]?.imports ?? []) if (!module.external) withImports(module.path, closure);
    return closure;
  };
  return new Map(
    Object.entries(outputs).flatMap(([path, { entryPoint }]) => {
      if (!entryPoint?.endsWith('.lambda.ts')) return [];
      const entry = entryPoint.slice('functions/'.length);
      const target = join(folder, moduleName(entry));
      mkdirSync(target);
      const hash = createHash('sha256');
      let bytes = 0;
      for (const file of [...withImports(path)].sort()) {
        const name = file === path ? 'index.mjs' : basename(file);
        linkSync(join(root, file), join(target, name));
        const code = readFileSync(join(root, file));
        hash.update(`${name} ${code.length}\n`).update(code);
        bytes += code.length;
      }
      return [[entry, { folder: target, bytes, hash: hash.digest('hex') }] as const];
    }),
  );
}

/** Whether the process that holds a lock still runs. A lock is empty in the moment before its process has said its number. */
function isHeld(lock: string): boolean {
  try {
    return process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch {
    return false;
  }
}

/**
 * Reads the bundles of another process of the same test run, or writes them for the next. However slow the machine is, a
 * process waits while another bundles, because two would slow each other down. The list is written last.
 */
function shareBundles(folder: string): ReadonlyMap<string, Bundle> {
  const list = join(folder, 'bundles.json');
  const lock = `${list}.lock`;
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(list) && isHeld(lock)) Atomics.wait(clock, 0, 0, 100);
  }
  if (existsSync(list)) return new Map(JSON.parse(readFileSync(list, 'utf8')));
  try {
    const draftFolder = mkdtempSync(join(folder, 'bundle-'));
    const result = bundleAll(draftFolder);
    const draft = join(draftFolder, 'bundles.json');
    writeFileSync(draft, JSON.stringify([...result]));
    renameSync(draft, list);
    return result;
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
}

/** A test run names a folder that is deleted when it ends. Without a folder, every process makes its own bundles. */
const { BROCH_TEST_BUNDLES: sharedFolder } = process.env;

let bundles: ReadonlyMap<string, Bundle> | undefined;

/**
 * The bundle of a Lambda function's file (a path below functions/): minified ES modules. The SDK is bundled too, which pins
 * its version.
 */
export function bundle(entry: string): Bundle {
  bundles ??= sharedFolder ? shareBundles(sharedFolder) : bundleAll(createTempDir('bundle'));
  const result = bundles.get(entry);
  if (!result)
    throw new Error(`functions/${entry} is not the file of a Lambda function: its name must end in .lambda.ts`);
  return result;
}
