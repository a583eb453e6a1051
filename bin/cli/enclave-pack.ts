import { access, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import type { ArchiveFile } from '../../functions/enclaves/pack/archive.ts';
import { billOfMaterials, type DataKey } from '../../functions/enclaves/pack/pack.ts';
import { localFile, writePackedFile } from '../../functions/enclaves/pack/packed-file.ts';
import { resolveReleaseFolder } from './airlock-tree.ts';
import { defineCommand } from './commands.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import { formatFields } from './layout.ts';
import { escapeForTerminal, formatBytes, formatCount } from './output.ts';

/** The files below a folder, in order. Anything that is no plain file ends the command: a loader reads only files. */
async function listFiles(folder: string, prefix = ''): Promise<ArchiveFile[]> {
  const entries = (await readdir(join(folder, prefix), { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const files: ArchiveFile[] = [];
  for (const entry of entries) {
    const path = prefix + entry.name;
    if (entry.isDirectory()) files.push(...(await listFiles(folder, `${path}/`)));
    else if (!entry.isFile())
      throw new ExitError('refused', `${path} is no regular file. Remove it, or replace a link by its file.`);
    else {
      const { size, mode } = await stat(join(folder, path));
      files.push(localFile(join(folder, path), { path, size, isExecutable: (mode & 0o100) !== 0 }));
    }
  }
  return files;
}

async function createDataKey(kmsKey: string, context: Record<string, string>): Promise<DataKey> {
  const kms = new KMSClient({ region: kmsKey.split(':')[3] ?? '' });
  try {
    const { Plaintext, CiphertextBlob } = await kms.send(
      new GenerateDataKeyCommand({ KeyId: kmsKey, KeySpec: 'AES_256', EncryptionContext: context }),
    );
    if (!Plaintext || !CiphertextBlob) throw new Error('KMS gave no data key');
    return { plaintext: Plaintext, wrappedKey: Buffer.from(CiphertextBlob).toString('base64') };
  } catch (error) {
    throw new ExitError(
      'fault',
      `KMS gave no data key of ${kmsKey}: ${describeCause(error)}. Use the credentials of the role that may pack.`,
    );
  }
}

const isFile = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

export const enclavePackCommand = defineCommand({
  words: ['enclave', 'pack'],
  summary: 'Pack a folder of data or of code for an enclave, encrypted under your key',
  notes: [
    'Uses your own AWS credentials (AWS_PROFILE, or what the AWS CLI uses) for one call of KMS, and needs no sign-in here.',
    'Packs the folder as one archive and encrypts it, so that nobody can cut, reorder or splice it. A folder of code must',
    'have a program `run`. For code the command also writes a bill of materials (CycloneDX) beside the packed file, with the',
    'hash of each file. Do not share the bill, because it names your files. The SHA-256 of the packed file goes into the',
    'manifest of a run.',
  ],
  examples: ['enclave pack classifier --kms-key arn:aws:kms:eu-west-2:111122223333:key/1234 --out classifier.pack'],
  params: z.object({ folder: z.string().min(1).describe('the folder to pack') }),
  flags: z.object({
    kmsKey: z
      .string()
      .regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/, 'the ARN of a KMS key')
      .describe('the ARN of your KMS key'),
    out: z.string().min(1).describe('the packed file to write'),
  }),
  async run({ params, flags: { kmsKey, out: output } }, context) {
    const folder = await resolveReleaseFolder(params.folder);
    const target = resolve(output);
    if (await isFile(target)) throw new ExitError('usage', `${output} exists. Name another file with --out.`);
    const files = await listFiles(folder);
    if (files.length === 0) throw new ExitError('refused', `${params.folder} holds no files.`);
    const encryptionContext = { 'broch:pack': basename(target) };
    const dataKey = await createDataKey(kmsKey, encryptionContext);
    const part = `${target}.part`;
    const isCode = files.some(({ path, isExecutable }) => path === 'run' && isExecutable);
    const header = { kmsKey, context: encryptionContext };
    const result = await writePackedFile(files, header, dataKey, part, { bill: isCode }).catch(async error => {
      await rm(part, { force: true });
      throw error;
    });
    await rename(part, target);
    const bom = isCode ? `${target}.bom.json` : undefined;
    if (bom) await writeFile(bom, `${JSON.stringify(billOfMaterials(basename(target), result), null, 2)}\n`);
    const { sha256, bytes } = result;
    context.result(
      { file: target, ...(bom && { bom }), sha256, bytes, kmsKey, files: files.length },
      formatFields(
        [
          ['packed', `${escapeForTerminal(output)}, ${formatBytes(bytes)}`],
          ['files', formatCount(files.length)],
          ['SHA-256', sha256],
          ...(bom ? [['bill of materials', escapeForTerminal(`${output}.bom.json`)] as [string, string]] : []),
        ],
        context.width,
      ),
    );
    return 'ok';
  },
});
