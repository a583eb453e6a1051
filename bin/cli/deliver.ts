import { realpath, stat } from 'node:fs/promises';
import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { DatasetId, type Delivery, DeliveryId, type Finding } from '../../functions/ingest/ingest.ts';
import { parallel } from '../../functions/ingest/parallel.ts';
import { finding } from '../../functions/ingest/paths.ts';
import type { Api } from './call.ts';
import { type Context, command } from './commands.ts';
import { Exit } from './exit.ts';
import { foresee, type LocalFile, listed, type Manifest, manifestOf, walk } from './folder.ts';
import { begun, Ledger, type Purpose } from './ledger.ts';
import { bytes, columns, grouped, one, safe } from './output.ts';
import { Live, sending } from './progress.ts';
import { shapeOf } from './shape.ts';
import { type Landing, landed, landingOf, lanes, put, send, whole } from './upload.ts';
import { follow, rests } from './watch.ts';

const table = (findings: readonly Finding[]) =>
  columns(
    findings.map(({ path, reason }) => [safe(path), safe(reason)]),
    ['path', 'reason'],
  );

/** Says no before anything is sent: what would be held is told now, file by file. */
function refuse(findings: readonly Finding[], context: Context, remedy: string): never {
  const shown = findings.slice(0, 200);
  const rest = findings.length - shown.length;
  if (!context.json) context.remark(`${table(shown)}\n${rest > 0 ? `and ${grouped(rest)} more\n` : ''}`);
  throw new Exit(
    'refused',
    `${grouped(findings.length)} ${findings.length === 1 ? 'thing is' : 'things are'} wrong with this folder. ${remedy}`,
    {
      ...(context.json && { errors: findings.map(({ path, reason }) => `${path || 'delivery'}: ${reason}`) }),
    },
  );
}

async function folderAt(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw new Exit('usage', `${path} is ${found ? 'not a folder' : 'not there'}.`);
  return realpath(path);
}

/** The delivery to go on with, or undefined: still in the partner's hands, and with nothing in it that is gone here. */
async function unfinished(api: Api, context: Context, purpose: Purpose, here: ReadonlySet<string>) {
  for (const id of begun(context.env, purpose)) {
    const ledger = new Ledger(context.env, purpose, id);
    const delivery = await api.ask('showDelivery', { params: { delivery: id } }).catch(error => {
      // Another person's, or of another Broch that had this address: leave it alone.
      if (error instanceof Exit && error.ending === 'refused') return undefined;
      throw error;
    });
    if (delivery?.status === 'registered') ledger.close();
    else if (delivery && ledger.paths.every(path => here.has(path))) return { delivery, ledger };
  }
  return undefined;
}

/** Uploads all that has not landed as it is now. Gives what was sent, and the files that belie the folder's own list. */
async function upload(
  landing: Landing,
  ledger: Ledger,
  files: readonly LocalFile[],
  sums: ReadonlyMap<string, string>,
  live: Live,
) {
  const there = ledger.paths.length > 0 ? await landed(landing) : new Map<string, { etag: string; size: number }>();
  const isThere = ({ path, size, mtime }: LocalFile) => {
    const [sent, has] = [ledger.get(path), there.get(path)];
    return (
      sent?.size === size &&
      sent.mtime === mtime &&
      has?.etag === sent.etag &&
      has.size === size &&
      sent.sha256 === (sums.get(path) ?? sent.sha256)
    );
  };
  const todo = files.filter(file => !isThere(file));
  const weigh = (some: readonly LocalFile[]) => ({
    files: some.length,
    bytes: some.reduce((sum, { size }) => sum + size, 0),
  });
  const [all, left] = [weigh(files), weigh(todo)];
  const done = { files: all.files - left.files, bytes: all.bytes - left.bytes };
  const started = Date.now();
  let moved = 0;
  const differing: Finding[] = [];
  const draw = () =>
    live.figures(sending({ ...done, bytes: done.bytes + moved }, all, moved, (Date.now() - started) / 1000));
  const sendOne = async (file: LocalFile) => {
    const sent = await send(landing, file, sums.get(file.path), count => {
      moved += count;
      draw();
    });
    if ('differs' in sent)
      differing.push(finding(file.path, `Its SHA-256 is ${sent.differs}, but the list says ${sums.get(file.path)}.`));
    else ledger.add(sent);
    done.files += 1;
    draw();
  };
  draw();
  await parallel(
    todo.filter(({ size }) => size <= whole),
    lanes.whole,
    sendOne,
  );
  await parallel(
    todo.filter(({ size }) => size > whole),
    lanes.parts,
    sendOne,
  );
  return { differing, seconds: (Date.now() - started) / 1000, all, sent: todo.length };
}

/** The manifest goes last: its arrival starts the check. */
async function complete(landing: Landing, ledger: Ledger, files: readonly LocalFile[], manifest: Manifest) {
  const text =
    manifest.text ?? Buffer.from(listed(files.map(({ path }) => ({ path, sha256: ledger.get(path)?.sha256 ?? '' }))));
  await put(landing, manifest.name, text);
}

const checkOf = (delivery: Delivery | Record<string, unknown>) => ('check' in delivery ? delivery.check : undefined);

export const deliver = command({
  words: ['deliver'],
  summary: 'Upload a folder as one delivery and wait for its receipt',
  about: [
    'A SHA256SUMS or a BagIt manifest-sha256.txt in the folder is sent as it is, last; without one, SHA256SUMS is written.',
    'What the check would hold is told before anything is uploaded. A run that was stopped, or a delivery that was held, is',
    'gone on with by the same command: files that have landed and have not changed since are not sent again.',
    'Ends with 0 when the delivery is registered, 3 when it is held.',
  ],
  examples: [
    'deliver ./admissions-2026 --dataset admissions',
    'deliver ./admissions-2026 --delivery dl-0011223344556677',
    'deliver ./admissions-2026 --dataset admissions --manifest ./admissions-2026.sha256',
  ],
  params: z.object({ folder: z.string().describe('the folder whose files are delivered') }),
  flags: z.object({
    dataset: DatasetId.optional().describe('the dataset it is for; opens a delivery'),
    delivery: DeliveryId.optional().describe('a delivery that is open or held already'),
    manifest: z.string().optional().describe('a list of checksums kept elsewhere (sha256sum form), sent as SHA256SUMS'),
    minutes: z
      .number()
      .int()
      .min(0)
      .max(1440)
      .default(60)
      .describe('how long to wait for the receipt; 0 does not wait'),
  }),
  async run({ params, flags }, context) {
    const folder = await folderAt(params.folder);
    const api = context.api();
    const asked = flags.delivery && (await api.ask('showDelivery', { params: { delivery: flags.delivery } }));
    const dataset = asked ? asked.dataset : flags.dataset;
    if (dataset === undefined)
      throw new Exit('usage', 'Say --dataset to open a delivery, or --delivery to go on with one.');
    if (asked && flags.dataset !== undefined && flags.dataset !== dataset)
      throw new Exit('usage', `Delivery ${asked.id} is for the dataset ${dataset}, not ${flags.dataset}.`);

    const { files: found, findings } = await walk(folder);
    const own = found.some(({ path }) => path === 'SHA256SUMS' || path === 'manifest-sha256.txt');
    if (flags.manifest !== undefined && own)
      throw new Exit('usage', 'The folder has a list of its own: leave --manifest out, or take that one out.');
    if (found.length === 0 && findings.length === 0) throw new Exit('usage', `There are no files in ${params.folder}.`);
    const manifest = await manifestOf(found, flags.manifest).catch(error => {
      throw new Exit(
        'usage',
        `${flags.manifest ?? 'The list of checksums'} can't be read: ${(error as Error).message}`,
      );
    });
    const foreseen = await foresee(dataset, found, manifest);
    if (findings.length + foreseen.findings.length > 0)
      refuse([...findings, ...foreseen.findings], context, 'Nothing was uploaded. Mend it and run this again.');
    const files = found.filter(({ path }) => path !== manifest.name);

    const here = new Set(files.map(({ path }) => path));
    const purpose: Purpose = { api: api.place.api, folder, dataset };
    const before = asked
      ? { delivery: asked, ledger: new Ledger(context.env, purpose, asked.id) }
      : await unfinished(api, context, purpose, here);
    const delivery = before?.delivery ?? (await api.ask('openDelivery', { body: { dataset } }));
    const ledger = before?.ledger ?? new Ledger(context.env, purpose, delivery.id);
    const gone = ledger.paths.filter(path => !here.has(path));
    if (gone.length > 0)
      refuse(
        gone.map(path => finding(path, 'It was uploaded before and is not in the folder any more. Put it back.')),
        context,
        'Uploaded files cannot be taken back: put them there again, or open a new delivery with --dataset.',
      );
    context.remark(`Delivery ${delivery.id} for ${dataset}${before ? ', gone on with' : ''}`);
    const again = `broch deliver ${params.folder} --delivery ${delivery.id}`;
    context.onInterrupt(() => `Stopped. What has landed stays. Go on with: ${again}`);

    using live = new Live(context);
    const landing = await landingOf(api, delivery.id);
    try {
      const { differing, seconds, all, sent } = await upload(landing, ledger, files, foreseen.sums, live);
      live.end();
      if (differing.length > 0)
        refuse(differing, context, `The list was not sent, so nothing is checked yet. Mend it, then: ${again}`);
      await complete(landing, ledger, files, manifest);
      const skipped = all.files - sent;
      context.remark(
        `Landed: ${grouped(all.files)} files, ${bytes(all.bytes)}, in ${seconds.toFixed(1)} s${skipped > 0 ? ` (${grouped(skipped)} were there already)` : ''}`,
      );
    } catch (error) {
      if (error instanceof Exit) throw error;
      throw new Exit(
        'fault',
        `The upload stopped: ${(error as Error).message}. What has landed stays. Go on with: ${again}`,
      );
    } finally {
      landing.s3.destroy();
    }
    return conclude(api, context, delivery, ledger, flags.minutes);
  },
});

async function conclude(api: Api, context: Context, delivery: Delivery, ledger: Ledger, minutes: number) {
  context.onInterrupt(() => `The check goes on by itself. Look: broch watch delivery ${delivery.id}`);
  const shape = shapeOf(routes.showDelivery.returns);
  if (minutes === 0) {
    context.result(delivery, `Follow it: broch watch delivery ${delivery.id}`);
    return 'ok';
  }
  // Checked before: only the outcome of the check that this manifest has started is news.
  using live = new Live(context);
  const last = await follow(api, rests.delivery, { delivery: delivery.id }, minutes, {
    told: ({ status }) => live.stage(delivery.id, status === 'open' ? 'waiting for the check' : status),
    old: stage =>
      stage.status !== 'registered' && checkOf(delivery) !== undefined && checkOf(stage) === checkOf(delivery),
  });
  live.end();
  if (last.status === 'registered') ledger.close();
  const held = last.status === 'held' ? (last as unknown as Extract<Delivery, { status: 'held' }>) : undefined;
  const more =
    held && held.found > held.findings.length ? `\nand ${grouped(held.found - held.findings.length)} more` : '';
  context.result(
    last,
    held
      ? `Held; nothing of it is in the lake.\n\n${table(held.findings)}${more}`
      : `Registered: this is your receipt.\n\n${one(last, shape, context)}`,
  );
  if (held) context.remark(`Mend it, then run the same command again: only what changed is sent.`);
  return held ? 'refused' : 'ok';
}
