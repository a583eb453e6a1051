import { changeRows } from '../change.ts';
import { outboxRow } from '../events/outbox.ts';
import { type Row, readRow } from '../table.ts';
import { emptyImage } from './images.ts';
import { Image, type ImageName, imageKey } from './schemas.ts';
import type { ImageDecision } from './versions.ts';

const readImageRow = (table: string, image: ImageName): Promise<Row<Image> | undefined> =>
  readRow(table, Image, imageKey(image));

/** The image with its versions; without any if none was ever built. */
export const readImage = async (table: string, image: ImageName): Promise<Image> =>
  (await readImageRow(table, image)) ?? emptyImage(image);

/** Reads an image, decides, and writes the changes with their events. */
export function changeImage(
  table: string,
  image: ImageName,
  decide: (image: Image) => ImageDecision,
  now: string,
): Promise<ImageDecision> {
  const key = imageKey(image);
  return changeRows(
    table,
    image,
    async () => {
      const row = await readImageRow(table, image);
      return { row, image: row ?? emptyImage(image) };
    },
    read => decide(read.image),
    ({ state, events }, read) => [
      ...(state === read.image ? [] : [{ key, read: read.row, item: state }]),
      ...(events.length > 0 ? [outboxRow(key.pk, events, now)] : []),
    ],
  );
}
