import { Refused } from '../refused.ts';
import { listPartialFiles, readSealManifest } from './manifest-queries.ts';
import type { RequestEvent } from './request/decision.ts';
import type { Request } from './request/request.ts';
import type { Ballot } from './request/votes.ts';
import { listLooks } from './store.ts';

/** Where a page of a file started, which is kept with its view: events without it are of lists and reports. */
type View = Required<Pick<RequestEvent, 'path' | 'details'>>;
const isFirstPage = ({ details }: View) => Object.values(details).every(start => start === 1);

/**
 * The files that a reviewer did not open, or of which they opened no page but the first although it does not show all.
 * `views` is used up only as far as it is needed.
 */
export async function findUnseenFiles(
  paths: readonly string[],
  partialPaths: readonly string[],
  views: AsyncIterable<View>,
): Promise<string[]> {
  const [unopened, unfinished] = [new Set(paths), new Set(partialPaths)];
  for await (const view of views) {
    unopened.delete(view.path);
    if (!isFirstPage(view)) unfinished.delete(view.path);
    if (unopened.size === 0 && unfinished.size === 0) break;
  }
  return paths.filter(path => unopened.has(path) || unfinished.has(path));
}

async function* listViews(table: string, request: Request, user: string): AsyncGenerator<View> {
  for await (const { round, events } of listLooks(table, request.id))
    for (const { by: viewer, path, details } of events)
      if (round === request.round && viewer === user && path !== undefined && details !== undefined)
        yield { path, details };
}

/** Refuses an approval that says more of what was seen than the views on record do. */
export async function refuseUnlessSeen(
  { table, bucket }: { table: string; bucket: string },
  request: Request,
  user: string,
  { verdict, seal, extent }: Pick<Ballot, 'verdict' | 'seal' | 'extent'>,
): Promise<void> {
  if (verdict !== 'approve' || extent === undefined) return;
  // The decision itself refuses other states and other seals.
  if (request.status !== 'inReview' || request.seal.sha256 !== seal) return;
  const paths = (await readSealManifest(bucket, request)).files.map(({ path }) => path);
  const partialPaths = extent === 'whole' ? await listPartialFiles(bucket, request) : [];
  const unseen = await findUnseenFiles(paths, partialPaths, listViews(table, request, user));
  if (unseen.length === 0) return;
  const [first = ''] = unseen;
  throw new Refused(
    'invalid',
    `Your vote says that you saw ${extent === 'whole' ? 'the whole of every file' : 'a part of every file'}, but you have not opened ${partialPaths.includes(first) ? 'all pages of ' : ''}${first}${unseen.length > 1 ? ` and ${unseen.length - 1} more` : ''} in this round. Open the files with \`broch airlock preview\`, and the rest of those that a page shows only in part with --path and --row, --column, --character or --part; then vote again${extent === 'whole' ? ', or vote with --extent part' : ''}.`,
    unseen.slice(0, 50),
  );
}
