import * as z from 'zod';
import { PagingQuery } from '../http/route.ts';

const startNumber = (maximum: number) => z.coerce.number().int().min(1).max(maximum).default(1);
/** Where the page of a file starts: what one page leaves out, a later one shows. */
export const PageStartQuery = z.object({
  part: startNumber(10_000).describe('the first part to show, such as a sheet or a notebook cell'),
  row: startNumber(100_000_000).describe('the first row of each table, or line of each text'),
  column: startNumber(20_000).describe('the first column of each table'),
  character: startNumber(100_000_000).describe('the first character of each cell and line'),
});

/** A page of the sealed files of a request. */
export const FileListQuery = PagingQuery.extend({
  round: z.coerce.number().int().min(1).max(10_000).optional().describe('those of an earlier, completed round'),
});
