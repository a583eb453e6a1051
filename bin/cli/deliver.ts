import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { DatasetId, type Delivery, DeliveryId } from '../../functions/ingest/schemas.ts';
import { pathFinding } from '../../functions/storage/paths.ts';
import type { ApiClient } from './call.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import {
  formatChecksumList,
  formatFindings,
  type LocalFile,
  type LocalManifest,
  precheckDelivery,
  readLocalManifest,
  refuseUpload,
  resolveFolder,
  walkFolder,
} from './folder.ts';
import { DEFAULT_IGNORED, leaveOutJunk } from './junk.ts';
import { listUnfinishedDeliveries, UploadLedger, type UploadPurpose } from './ledger.ts';
import { openDelivery } from './new-dataset.ts';
import { escapeForTerminal, formatBytes, formatCount, formatRecord } from './output.ts';
import { ProgressLine } from './progress.ts';
import { toOutputShape } from './shape.ts';
import { openUploadLanding, putLandingObject, sendFiles, type UploadLanding } from './upload.ts';
import { followUntilRest, watchRules } from './watch.ts';

/** The delivery to resume, if any: not registered, and every uploaded file is still in the folder. */
async function unfinished(
  api: ApiClient,
  context: CommandContext,
  purpose: UploadPurpose,
  localPaths: ReadonlySet<string>,
) {
  for (const id of listUnfinishedDeliveries(context.env, purpose)) {
    const ledger = new UploadLedger(context.env, purpose, id);
    const delivery = await api.ask('showDelivery', { params: { delivery: id } }).catch(error => {
      // It belongs to another person, or to another Broch that had this address: ignore it.
      if (error instanceof ExitError && error.ending === 'refused') return undefined;
      throw error;
    });
    if (delivery?.status === 'registered') ledger.close();
    else if (delivery && ledger.paths.every(path => localPaths.has(path))) return { delivery, ledger };
  }
  return undefined;
}

/** The manifest goes last: its arrival starts the check. */
async function complete(
  landing: UploadLanding,
  ledger: UploadLedger,
  files: readonly LocalFile[],
  manifest: LocalManifest,
) {
  const text =
    manifest.text ??
    Buffer.from(formatChecksumList(files.map(({ path }) => ({ path, sha256: ledger.get(path)?.sha256 ?? '' }))));
  await putLandingObject(landing, manifest.name, text);
}

const checkOf = (delivery: Delivery | Record<string, unknown>) => ('check' in delivery ? delivery.check : undefined);

/** Names what is left out, and what is delivered that people may not expect: hidden files, and links as their content. */
function announceSpecialFiles(files: readonly LocalFile[], junk: readonly LocalFile[], context: CommandContext): void {
  const name = (label: string, paths: readonly string[]) => {
    const excess = paths.length - 20;
    if (paths.length > 0)
      context.remark(
        `${label}: ${paths.slice(0, 20).map(escapeForTerminal).join(', ')}${excess > 0 ? ` and ${formatCount(excess)} more` : ''}`,
      );
  };
  const pathsOf = (list: readonly LocalFile[]) => list.map(({ path }) => path);
  name('Left out by --ignore', pathsOf(junk));
  name('Hidden files that are delivered', pathsOf(files.filter(({ path }) => /(^|\/)\./.test(path))));
  name('Links, delivered as the files they point to', pathsOf(files.filter(({ isLink }) => isLink)));
}

export const deliverCommand = defineCommand({
  words: ['deliver'],
  summary: 'Upload a folder as one delivery and wait for its receipt',
  notes: [
    'A SHA256SUMS or a BagIt manifest-sha256.txt in the folder is sent last, unchanged; without one, SHA256SUMS is made.',
    'Problems are reported before anything is uploaded. To resume a stopped upload, or to correct a held delivery, run',
    'the same command again: files that have not changed are not sent again.',
    'Before the first delivery to a dataset it asks whether the name is right; with --new it does not ask. Files that',
    'systems leave in folders are named and left out (--ignore), unless your own manifest lists them.',
    'The exit code is 0 when the delivery is registered, and 3 when it is held.',
  ],
  examples: [
    'deliver ./admissions-2026 --dataset admissions',
    'deliver ./admissions-2026 --dataset admissions --new',
    'deliver ./admissions-2026 --delivery dl-0011223344556677',
    'deliver ./admissions-2026 --dataset admissions --manifest ./admissions-2026.sha256',
  ],
  params: z.object({ folder: z.string().describe('the folder to deliver') }),
  flags: z.object({
    dataset: DatasetId.optional().describe('the dataset to deliver to; opens a delivery'),
    delivery: DeliveryId.optional().describe('an open or held delivery to continue'),
    new: z.boolean().optional().describe('the dataset is new: do not ask'),
    ignore: z
      .array(z.string().min(1))
      .default(DEFAULT_IGNORED)
      .describe('leave out files with these names; a name that you give replaces this whole list'),
    manifest: z
      .string()
      .optional()
      .describe('a list of checksums outside the folder (sha256sum format), sent as SHA256SUMS'),
    minutes: z.number().int().min(0).max(1440).default(60).describe('minutes to wait for the receipt; 0 does not wait'),
  }),
  async run({ params, flags }, context) {
    const folder = await resolveFolder(params.folder);
    const api = context.api();
    const resumedDelivery = flags.delivery && (await api.ask('showDelivery', { params: { delivery: flags.delivery } }));
    const dataset = resumedDelivery ? resumedDelivery.dataset : flags.dataset;
    if (dataset === undefined)
      throw new ExitError('usage', 'Pass --dataset to open a delivery, or --delivery to continue one.');
    if (resumedDelivery && flags.dataset !== undefined && flags.dataset !== dataset)
      throw new ExitError(
        'usage',
        `Delivery ${resumedDelivery.id} is for the dataset ${dataset}, not ${flags.dataset}.`,
      );

    const { files: walkedFiles, findings } = await walkFolder(folder);
    const hasManifest = walkedFiles.some(({ path }) => path === 'SHA256SUMS' || path === 'manifest-sha256.txt');
    if (flags.manifest !== undefined && hasManifest)
      throw new ExitError(
        'usage',
        'The folder already contains a manifest. Leave out --manifest, or move that file out of the folder.',
      );
    if (walkedFiles.length === 0 && findings.length === 0)
      throw new ExitError('usage', `There are no files in ${params.folder}.`);
    const manifest = await readLocalManifest(walkedFiles, flags.manifest).catch(error => {
      throw new ExitError(
        'usage',
        `${flags.manifest ?? 'The list of checksums'} cannot be read: ${describeCause(error)}.`,
      );
    });
    const { deliverable: entries, junk } = leaveOutJunk(walkedFiles, flags.ignore, manifest.text);
    announceSpecialFiles(entries, junk, context);
    if (entries.length === 0) throw new ExitError('usage', `No files are left to deliver in ${params.folder}.`);
    const foreseen = await precheckDelivery(dataset, entries, manifest);
    if (findings.length + foreseen.findings.length > 0)
      refuseUpload(
        [...findings, ...foreseen.findings],
        context,
        'Nothing was uploaded. Correct it and run this again.',
      );
    const files = entries.filter(({ path }) => path !== manifest.name);

    const localPaths = new Set(files.map(({ path }) => path));
    const purpose: UploadPurpose = { api: api.place.api, folder, dataset };
    const earlier = resumedDelivery
      ? { delivery: resumedDelivery, ledger: new UploadLedger(context.env, purpose, resumedDelivery.id) }
      : await unfinished(api, context, purpose, localPaths);
    const delivery = earlier?.delivery ?? (await openDelivery({ dataset, isNew: flags.new === true }, context));
    const ledger = earlier?.ledger ?? new UploadLedger(context.env, purpose, delivery.id);
    const missing = ledger.paths.filter(path => !localPaths.has(path));
    if (missing.length > 0)
      refuseUpload(
        missing.map(path => pathFinding(path, 'It was uploaded before and is no longer in the folder. Put it back.')),
        context,
        'Uploaded files cannot be removed from a delivery. Put them back, or open a new delivery with --dataset.',
      );
    context.remark(`Delivery ${delivery.id} for ${dataset}${earlier ? ', resumed' : ''}`);
    const resumeCommand = `broch deliver ${params.folder} --delivery ${delivery.id}`;
    context.onInterrupt(() => `Stopped. Uploaded files are kept. Resume with: ${resumeCommand}`);

    using live = new ProgressLine(context);
    const landing = await openUploadLanding(api, () => api.ask('uploadAccess', { params: { delivery: delivery.id } }));
    try {
      const {
        differing,
        seconds,
        all: total,
        sent: sentCount,
      } = await sendFiles(landing, ledger, files, foreseen.sums, live);
      live.end();
      if (differing.length > 0)
        refuseUpload(
          differing,
          context,
          `The manifest was not sent, so the check has not started. Correct the files or the manifest, then: ${resumeCommand}`,
        );
      await complete(landing, ledger, files, manifest);
      const earlierCount = total.files - sentCount;
      context.remark(
        `Uploaded: ${formatCount(total.files)} files, ${formatBytes(total.bytes)}, in ${seconds.toFixed(1)} s${earlierCount > 0 ? ` (${formatCount(earlierCount)} were already uploaded)` : ''}`,
      );
    } catch (error) {
      if (error instanceof ExitError) throw error;
      throw new ExitError(
        'fault',
        `The upload stopped: ${describeCause(error)}. Uploaded files are kept. Resume with: ${resumeCommand}`,
      );
    } finally {
      landing.s3.destroy();
    }
    return conclude(api, context, delivery, ledger, flags.minutes);
  },
});

async function conclude(
  api: ApiClient,
  context: CommandContext,
  delivery: Delivery,
  ledger: UploadLedger,
  minutes: number,
) {
  context.onInterrupt(() => `The check continues without this command. Follow it: broch watch delivery ${delivery.id}`);
  const shape = toOutputShape(routes.showDelivery.returns);
  if (minutes === 0) {
    context.result(delivery, `Follow it: broch watch delivery ${delivery.id}`);
    return 'ok';
  }
  // A held delivery was checked before: report only the check that this manifest started.
  using live = new ProgressLine(context);
  const last = await followUntilRest(api, watchRules.delivery, { delivery: delivery.id }, minutes, {
    report: ({ status }) => live.stage(delivery.id, status === 'open' ? 'waiting for the check' : status),
    old: stage =>
      stage.status !== 'registered' && checkOf(delivery) !== undefined && checkOf(stage) === checkOf(delivery),
  });
  live.end();
  if (last.status === 'registered') ledger.close();
  const heldDelivery = last.status === 'held' ? (last as unknown as Extract<Delivery, { status: 'held' }>) : undefined;
  const remainder =
    heldDelivery && heldDelivery.found > heldDelivery.findings.length
      ? `\nand ${formatCount(heldDelivery.found - heldDelivery.findings.length)} more`
      : '';
  context.result(
    last,
    heldDelivery
      ? `The delivery is held; nothing was copied to the lake.\n\n${formatFindings(heldDelivery.findings, context.width)}${remainder}`
      : `The delivery is registered. This is your receipt.\n\n${formatRecord(last, shape, context)}`,
  );
  if (heldDelivery) context.remark(`Correct the files, then run the same command again: only changes are uploaded.`);
  return heldDelivery ? 'refused' : 'ok';
}
