import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { expect, it } from 'vitest';
import { ZipFile } from '../../../bin/cli/airlock-zip.ts';
import { memorySource } from '../../../disclosure/byte-source.ts';
import { readZipContent, readZipDirectory } from '../../../disclosure/zip.ts';
import { makeTestFolder } from '../../cli/harness.ts';

async function zipped(folder: string, files: readonly (readonly [string, Uint8Array])[]): Promise<Buffer> {
  await using to = await open(folder, 'w');
  const zip = new ZipFile(to);
  for (const [path, content] of files) {
    const sink = await zip.entry(path, content.length);
    for (let from = 0; from < content.length; from += 7) await sink.write(content.subarray(from, from + 7));
    await sink.end();
  }
  await zip.end();
  return readFileSync(folder);
}

it('a zip is read by other tools, and by the strict reader of the airlock, exactly as written', async () => {
  const folder = join(makeTestFolder(), 'a.zip');
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter(text => text.isWellFormed() && text !== '__proto__');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 60 })), { selector: ([path]) => path }),
      async files => {
        const bytes = await zipped(folder, files);
        expect(Object.entries(unzipSync(bytes)).map(([path, content]) => [path, Buffer.from(content)])).toEqual(
          expect.arrayContaining(files.map(([path, content]) => [path, Buffer.from(content)])),
        );
        const source = memorySource(bytes);
        const entries = await readZipDirectory(source);
        expect(entries.map(entry => entry.name)).toEqual(files.map(([path]) => path));
        for (const [index, entry] of entries.entries()) {
          const parts: Uint8Array[] = [];
          for await (const part of readZipContent(source, entry, 1000)) parts.push(part.slice());
          expect(Buffer.concat(parts)).toEqual(Buffer.from(files[index]?.[1] ?? []));
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('a zip has the same bytes for the same content, and refuses a file of another length than announced', async () => {
  const folder = join(makeTestFolder(), 'a.zip');
  const files = [
    ['a', Buffer.from('one')],
    ['b/c', Buffer.from('two')],
  ] as const;
  expect(await zipped(folder, files)).toEqual(await zipped(folder, files));
  await using to = await open(folder, 'w');
  const sink = await new ZipFile(to).entry('a', 3);
  await sink.write(Buffer.from('four'));
  await expect(sink.end()).rejects.toThrow('not as long as it was');
});

it('a zip may have more entries than the original format allows', async () => {
  const files = Array.from({ length: 66_000 }, (_, i) => [`f${i}`, new Uint8Array(0)] as const);
  const found = unzipSync(await zipped(join(makeTestFolder(), 'a.zip'), files));
  expect(Object.keys(found)).toHaveLength(66_000);
});
