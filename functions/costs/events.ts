import * as z from 'zod';
import { contract } from '../contract.ts';
import { Micros } from './money.ts';

/** The card of a day was taken by the webhook. Consumers tell repetitions by (date, edition). */
export const CostReported = contract(
  'broch.costs',
  'CostReported',
  z.object({
    date: z.iso.date(),
    edition: z.number().int(),
    currency: z.string(),
    total: Micros,
    untagged: Micros,
    provisional: z.boolean(),
  }),
);

/** The card of a day is not out, and why. Its figures, where there are any, are kept. */
export const CostReportFailed = contract(
  'broch.costs',
  'CostReportFailed',
  z.object({ date: z.iso.date(), reason: z.string() }),
);
