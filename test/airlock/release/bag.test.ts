import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { addToBag, copyToBag, createZipBag } from '../../../bin/cli/airlock-bag.ts';
import { memorySource } from '../../../disclosure/byte-source.ts';
import { readZipContent, readZipDirectory } from '../../../disclosure/zip.ts';
import { pathProblem } from '../../../functions/storage/paths.ts';
import { makeTestFolder } from '../../cli/harness.ts';
import { sampleRuns } from '../../trials.ts';

async function packBag(archivePath: string, files: readonly (readonly [string, Uint8Array])[]): Promise<Buffer> {
  const bag = await createZipBag(archivePath, 'bag');
  for (const [path, content] of files) await addToBag(bag, path, content);
  await bag.end();
  return readFileSync(archivePath);
}

describe('a zipped bag', () => {
  it('is read by other tools, and by the strict reader of the airlock, exactly as written', async () => {
    const folder = makeTestFolder();
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter(text => text.isWellFormed() && pathProblem(text, 1024) === undefined);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 60 })), { selector: ([path]) => path }),
        async files => {
          const bytes = await packBag(join(folder, `${round++}.zip`), files);
          expect(unzipSync(bytes)).toEqual(
            Object.fromEntries(files.map(([path, content]) => [`bag/${path}`, new Uint8Array(content)])),
          );
          const source = memorySource(bytes);
          const entries = await readZipDirectory(source);
          expect(entries.map(entry => entry.name)).toEqual(files.map(([path]) => `bag/${path}`));
          for (const [index, entry] of entries.entries()) {
            const parts: Uint8Array[] = [];
            for await (const part of readZipContent(source, entry, 1000)) parts.push(part.slice());
            expect(Buffer.concat(parts)).toEqual(Buffer.from(files[index]?.[1] ?? []));
          }
        },
      ),
      { numRuns: sampleRuns(60) },
    );
  });

  it('has the same bytes for the same content', async () => {
    const folder = makeTestFolder();
    const files = [
      ['a', Buffer.from('one')],
      ['b/c', Buffer.from('two')],
    ] as const;
    expect(await packBag(join(folder, 'a.zip'), files)).toEqual(await packBag(join(folder, 'b.zip'), files));
  });

  it('holds as many files as a request may have', async () => {
    const files = Array.from({ length: 10_000 }, (_, index) => [`f${index}`, new Uint8Array(0)] as const);
    const archive = unzipSync(await packBag(join(makeTestFolder(), 'a.zip'), files));
    expect(Object.keys(archive)).toHaveLength(10_000);
  });

  it('refuses a file that changed since it was compared, and leaves no archive behind', async () => {
    const folder = makeTestFolder();
    const [file, archive] = [join(folder, 'a.csv'), join(folder, 'a.zip')];
    writeFileSync(file, 'changed');
    const bag = await createZipBag(archive, 'bag');
    await addToBag(bag, 'first', 'one');
    const expectedFile = { size: 8, sha256: createHash('sha256').update('recorded').digest('hex') };
    await expect(copyToBag(bag, 'a.csv', file, expectedFile, () => {})).rejects.toThrow(
      'changed while it was being packed',
    );
    await bag.undo();
    expect(existsSync(archive)).toBe(false);
  });
});
