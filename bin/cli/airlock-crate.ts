import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import {
  BAGIT_DECLARATION,
  bagInfo,
  bagManifest,
  crateOf,
  OUTPUTS_FOLDER,
} from '../../functions/airlock/release/crate.ts';
import type { ReleasedFile, ReleaseRecord } from '../../functions/airlock/release/record.ts';
import { type CrateRun, WORKFLOW_FOLDER, workflowCrateOf } from '../../functions/airlock/release/run-crate.ts';
import { stripAssessments } from '../../functions/airlock/release/strip-assessments.ts';
import { currentTime } from '../../functions/clock.ts';
import { addToBag, type BagEntry, copyToBag, createFolderBag, createZipBag } from './airlock-bag.ts';
import { resolveReleaseFolder } from './airlock-tree.ts';
import { readTrustedRecord, resolvePin, verifyFolder } from './airlock-verify.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatBytes, formatCount } from './output.ts';
import { ProgressLine } from './progress.ts';

/** A folder name that is valid on every operating system. */
const folderName = (...parts: string[]) => parts.join('-').replace(/[^A-Za-z0-9-]/g, '_');

const isCrate = ({ path }: ReleasedFile) => /(^|\/)ro-crate-metadata\.json(ld)?$/i.test(path);

/** The requester's own crate metadata without assessments; undefined when nothing was removed. */
async function cleanMetadata(folder: string, file: ReleasedFile): Promise<{ text: string; why: string } | undefined> {
  const bytes = await readFile(join(folder, file.path));
  let result: ReturnType<typeof stripAssessments>;
  try {
    result = stripAssessments(JSON.parse(bytes.toString('utf8')));
  } catch {
    return {
      text: '{}\n',
      why: 'Emptied because it is not valid JSON, so its assessments cannot be removed. The record has its SHA-256.',
    };
  }
  if (result.removed === 0) return undefined;
  const reason = `${result.removed} assessments by the requester were removed. The record has the SHA-256 of the released file.`;
  return { text: `${JSON.stringify(result.metadata, null, 2)}\n`, why: reason };
}

/** The batch job that made the files, if the record names one and Broch answers. */
async function readRun({ project, run: job }: ReleaseRecord, context: CommandContext): Promise<CrateRun | undefined> {
  if (job === undefined) return undefined;
  try {
    return await context.api().ask('showJob', { params: { project, job } });
  } catch (error) {
    context.remark(
      `The batch job ${job} made the files, but Broch did not return its description: ${(error as Error).message}`,
    );
    return undefined;
  }
}

/** The licence of the workflow if nobody names one with --license, because the profile requires a licence. */
const conditions = 'The agreements of the project with the trusted research environment apply.';

export const airlockCrateCommand = defineCommand({
  words: ['airlock', 'crate'],
  summary: 'Pack a verified release as a Five Safes RO-Crate, in a BagIt folder or as one zip',
  notes: [
    'Checks the record and every file first, then writes the bag: the files under data/outputs, the signed record, and',
    "ro-crate-metadata.json with the requester, the reviewers and the dates. Assessments in the requester's own metadata",
    'are removed. The Five Safes RO-Crate 0.4 profile requires the workflow that made the files. If a batch job made them,',
    'the workflow is the command of the job; only a member of its project can read it from Broch. Otherwise name the',
    'workflow with --workflow. Without a workflow the result is an RO-Crate 1.2 that uses the terms of the profile and does',
    'not claim to conform to it.',
    'With --zip the bag is one archive, as the profile recommends for storing and sending.',
  ],
  examples: [
    "airlock crate asthma/release.json asthma/files ./asthma-crate --workflow 'https://workflowhub.eu/workflows/289?version=1'",
    'airlock crate asthma/release.json asthma/files ./asthma-crate.zip --zip',
  ],
  params: z.object({
    record: z.string().min(1).describe('release.json'),
    folder: z.string().min(1).describe('the folder with the released files'),
    out: z.string().min(1).describe('a new or empty folder for the bag, or with --zip a new file'),
  }),
  flags: z.object({
    key: z.string().min(1).optional().describe('the key to trust: a PEM file, or the SHA-256 fingerprint'),
    zip: z.boolean().optional().describe('write one zip archive instead of a folder'),
    workflow: z.url().optional().describe('the Workflow RO-Crate that made the files'),
    license: z.url().optional().describe('the licence of the files'),
    tre: z
      .string()
      .min(1)
      .default('A trusted research environment')
      .describe('the organisation that runs the environment'),
  }),
  async run({ params, flags }, context) {
    const { record, fingerprint } = await readTrustedRecord(params.record, await resolvePin(flags.key));
    const folder = await resolveReleaseFolder(params.folder);
    if (flags.zip && !params.out.endsWith('.zip'))
      throw new ExitError('usage', `<out>: with --zip the name must end in .zip, not ${params.out}.`);
    await verifyFolder(record, folder, context);
    const { workflow, license, tre } = flags;
    const run = workflow === undefined ? await readRun(record, context) : undefined;
    const timestamp = currentTime();
    const bag = flags.zip
      ? await createZipBag(params.out, folderName(record.project, record.request))
      : createFolderBag(params.out);

    const packed: BagEntry[] = [];
    const altered = new Map<string, string>();
    const totalBytes = record.files.reduce((sum, { size }) => sum + size, 0);
    using live = new ProgressLine(context);
    let packedBytes = 0;
    let payload = { files: 0, bytes: 0 };
    try {
      for (const file of record.files) {
        const path = `data/${OUTPUTS_FOLDER}${file.path}`;
        const clean = isCrate(file) ? await cleanMetadata(folder, file) : undefined;
        if (clean) altered.set(file.path, clean.why);
        const progress = (count: number) => {
          packedBytes += count;
          if (Date.now() - Date.parse(timestamp) > 1000)
            live.figures(`packed ${formatBytes(packedBytes)} of ${formatBytes(totalBytes)}`);
        };
        packed.push(
          clean
            ? await addToBag(bag, path, clean.text)
            : await copyToBag(bag, path, join(folder, file.path), file, progress),
        );
      }
      for (const [name, text] of Object.entries(run ? workflowCrateOf(run, license ?? conditions) : {}))
        packed.push(await addToBag(bag, `data/${WORKFLOW_FOLDER}${name}`, text));
      packed.push(await addToBag(bag, 'data/release.json', await readFile(params.record)));
      const metadata = crateOf(record, { fingerprint, tre, workflow, run, license, altered }, timestamp);
      packed.push(await addToBag(bag, 'data/ro-crate-metadata.json', `${JSON.stringify(metadata, null, 2)}\n`));
      payload = { files: packed.length, bytes: packed.reduce((sum, { size }) => sum + size, 0) };
      const tags = [
        await addToBag(bag, 'bagit.txt', BAGIT_DECLARATION),
        await addToBag(bag, 'bag-info.txt', bagInfo(record, payload, timestamp)),
        await addToBag(bag, 'manifest-sha512.txt', bagManifest(packed)),
      ];
      await addToBag(bag, 'tagmanifest-sha512.txt', bagManifest(tags));
      await bag.end();
    } catch (error) {
      await bag.undo();
      throw error;
    }
    live.end();

    for (const [path, reason] of altered) context.remark(`${path}: ${reason}`);
    const conforms = workflow !== undefined || run !== undefined;
    if (!conforms)
      context.remark(
        'No workflow was named, so this RO-Crate does not conform to the Five Safes profile. Name one with --workflow.',
      );
    context.result(
      { ok: true, bag: bag.location, ...payload, conforms, altered: [...altered.keys()] },
      `Packed ${formatCount(record.files.length)} files as ${bag.location}`,
    );
    return 'ok';
  },
});
