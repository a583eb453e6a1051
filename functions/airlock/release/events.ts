import * as z from 'zod';
import { contract } from '../../contract.ts';

const Of = z.object({ project: z.string(), request: z.string(), user: z.string(), at: z.iso.datetime() });

/** Somebody made a link for the recipient. */
export const DownloadOpened = contract(
  'broch.airlock',
  'DownloadOpened',
  Of.extend({ recipient: z.string(), expires: z.iso.datetime(), network: z.string().optional() }),
);

/** The recipient took a link: one use is gone. */
export const DownloadTaken = contract(
  'broch.airlock',
  'DownloadTaken',
  Of.extend({ source: z.string(), taken: z.number().int(), uses: z.number().int() }),
);

/** Addresses of these files were given out. */
export const DownloadPaged = contract(
  'broch.airlock',
  'DownloadPaged',
  Of.extend({ source: z.string(), from: z.number().int(), files: z.number().int(), bytes: z.number().int() }),
);
