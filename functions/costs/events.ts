import * as z from 'zod';
import { contract } from '../contract.ts';
import { Micros } from './money.ts';

/** The webhook accepted the card of a day. Consumers recognise repetitions by date and edition. */
export const CostReported = contract(
  'broch.costs',
  'CostReported',
  z.object({
    date: z.iso.date(),
    edition: z.number().int(),
    currency: z.string(),
    totalMicros: Micros,
    untaggedMicros: Micros,
    provisional: z.boolean(),
  }),
);

/** The card of a day was not sent, with the reason. Collected figures are kept. */
export const CostReportFailed = contract(
  'broch.costs',
  'CostReportFailed',
  z.object({ date: z.iso.date(), reason: z.string() }),
);
