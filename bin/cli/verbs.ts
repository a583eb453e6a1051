import * as z from 'zod';
import { crate } from './airlock-crate.ts';
import { download } from './airlock-download.ts';
import { key } from './airlock-key.ts';
import { preview } from './airlock-preview.ts';
import { giveBack, review } from './airlock-review.ts';
import { upload } from './airlock-upload.ts';
import { verify } from './airlock-verify.ts';
import type { Command } from './commands.ts';
import { completionOf } from './completion.ts';
import { deliver } from './deliver.ts';
import { generated } from './generated.ts';
import { login, logout } from './login.ts';
import { open } from './open.ts';
import { watch } from './watch.ts';

/** Flags of every command. */
export const Globals = z.object({
  json: z.boolean().optional().describe("the API's own JSON on standard output, and nothing else"),
  profile: z.string().optional().describe('which Broch (also BROCH_PROFILE)'),
  as: z.string().optional().describe('which signed-in person (also BROCH_AS)'),
  help: z.boolean().optional().describe('explain a command'),
});

const byHand: readonly Command[] = [
  login,
  logout,
  deliver,
  watch,
  open,
  preview,
  review,
  giveBack,
  upload,
  download,
  verify,
  crate,
  key,
  completionOf(() => commands, Globals),
];

const isByHand = ({ words }: Command) => byHand.some(other => other.words.join(' ') === words.join(' '));

/** Every command there is: the ones written by hand, then one for each route that has none of those. */
export const commands: readonly Command[] = [...byHand, ...generated.filter(one => !isByHand(one))];
