import { describe, expect, it } from 'vitest';
import {
  capabilityWords,
  localImports,
  packageImports,
  readSource,
  repositoryFiles,
  sharedFolders,
  typeScriptFiles,
} from './sources.ts';

/** The folders that a file of each folder may import from, besides packages and its own folder. */
const allowedFolders: Readonly<Record<string, readonly string[]>> = {
  disclosure: [],
  functions: ['disclosure'],
  lib: ['functions', 'disclosure'],
  bin: ['lib', 'functions', 'disclosure', 'local'],
  local: ['lib', 'functions', 'disclosure', 'bin'],
  test: ['lib', 'functions', 'disclosure', 'bin', 'local'],
};
const topFolder = (file: string): string => file.split('/')[0] ?? '';

describe('imports between folders', () => {
  it.each(Object.entries(allowedFolders))(
    'a file in %s/ imports from its own folder and from %j',
    (folder, allowed) => {
      const wrong = typeScriptFiles
        .filter(file => topFolder(file) === folder)
        .flatMap(file =>
          localImports(file)
            .filter(target => topFolder(target) !== folder && !allowed.includes(topFolder(target)))
            .map(target => `${file} imports ${target}`),
        );
      expect(wrong).toEqual([]);
    },
  );

  /** The folder of functions/ that a file is in; undefined for files at its root, which all may use. */
  const roomOf = (file: string) => /^functions\/([^/]+)\/./.exec(file)?.[1];

  it.each(sharedFolders)('functions/%s imports no capability', folder => {
    const wrong = typeScriptFiles
      .filter(file => roomOf(file) === folder)
      .flatMap(file => localImports(file).filter(target => capabilityWords.includes(roomOf(target) ?? '')));
    expect(wrong).toEqual([]);
  });

  it('files at the root of functions/ import no capability', () => {
    const wrong = typeScriptFiles
      .filter(file => /^functions\/[^/]+\.ts$/.test(file))
      .flatMap(file => localImports(file).filter(target => capabilityWords.includes(roomOf(target) ?? '')));
    expect(wrong).toEqual([]);
  });

  // functions/api is the registry of all routes, so it reads every capability's routes.ts.
  it.each(capabilityWords.filter(word => word !== 'api'))(
    '%s imports nothing of another capability but its schemas and events',
    word => {
      const wrong = typeScriptFiles
        .filter(file => roomOf(file) === word)
        .flatMap(file =>
          localImports(file)
            .filter(target => {
              const room = roomOf(target);
              if (room === undefined || room === word || sharedFolders.includes(room)) return false;
              return ![`functions/${room}/schemas.ts`, `functions/${room}/events.ts`].includes(target);
            })
            .map(target => `${file} imports ${target}`),
        );
      expect(wrong).toEqual([]);
    },
  );

  it('the core of the airlock does not import its release, its steps or its storage', () => {
    const core = typeScriptFiles.filter(
      file => file.startsWith('functions/airlock/request/') || file === 'functions/airlock/airlock.ts',
    );
    const wrong = core.flatMap(file =>
      localImports(file)
        .filter(target => /^functions\/(storage|airlock\/(release|steps|deletion|store))/.test(target))
        .map(target => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('files do not import each other in a circle, not even for types', () => {
    const visited = new Set<string>();
    const circles = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      const start = path.indexOf(file);
      if (start >= 0) circles.add([...path.slice(start), file].join(' → '));
      if (start >= 0 || visited.has(file) || !file.endsWith('.ts')) return;
      for (const target of localImports(file)) visit(target, [...path, file]);
      visited.add(file);
    };
    for (const file of typeScriptFiles) visit(file, []);
    expect([...circles]).toEqual([]);
  });
});

const CORE_PACKAGES = ['zod', 'node:crypto'];
/** What unpacks and parses the bytes that a reader of a format is given. Nothing here opens a file or a connection. */
const FORMAT_PACKAGES = ['node:zlib', 'fflate', 'hyparquet', 'hyparquet/src/thrift.js', 'jpeg-js', 'saxes'];

describe('pure code', () => {
  it.each(capabilityWords.filter(word => word !== 'api'))(
    'the core of %s imports no SDK, no logger and no clock',
    word => {
      const core = new Set<string>();
      const visit = (file: string) => {
        if (core.has(file) || !repositoryFiles.includes(file)) return;
        core.add(file);
        for (const target of localImports(file)) visit(target);
      };
      visit(`functions/${word}/${word}.ts`);
      for (const file of core) {
        const allowed = file.startsWith('disclosure/') ? [...CORE_PACKAGES, ...FORMAT_PACKAGES] : CORE_PACKAGES;
        const packages = packageImports(file).filter(name => !allowed.includes(name));
        expect(packages, file).toEqual([]);
        expect(readSource(file), file).not.toMatch(/Date\.now\(|new Date\(\)|Math\.random|randomUUID|process\.env/);
      }
    },
  );
});
