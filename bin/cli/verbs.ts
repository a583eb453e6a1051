import * as z from 'zod';
import { airlockCrateCommand } from './airlock-crate.ts';
import { airlockDownloadCommand } from './airlock-download.ts';
import { airlockDraftCommand, airlockEditCommand } from './airlock-draft.ts';
import { airlockKeyCommand } from './airlock-key.ts';
import { airlockPreviewCommand } from './airlock-preview.ts';
import { airlockReturnCommand, airlockReviewCommand } from './airlock-review.ts';
import { airlockSubmitCommand } from './airlock-submit.ts';
import { airlockUploadCommand } from './airlock-upload.ts';
import { airlockVerifyCommand } from './airlock-verify.ts';
import type { CliCommand } from './commands.ts';
import { createCompletionCommand } from './completion.ts';
import { createCompletionInstallCommand } from './completion-install.ts';
import { datasetVerifyReceiptCommand } from './dataset-verify-receipt.ts';
import { deliverCommand } from './deliver.ts';
import { disclosureCheckCommand } from './disclosure.ts';
import { disclosureRewriteCommand } from './disclosure-rewrite.ts';
import { doctorCommand } from './doctor.ts';
import { enclaveGrantCommand } from './enclave-grant.ts';
import { enclaveKeysCommand } from './enclave-keys.ts';
import { enclavePackCommand } from './enclave-pack.ts';
import { enclaveRevokeCommand } from './enclave-revoke.ts';
import { enclaveUploadCommand } from './enclave-upload.ts';
import { enclaveVerifyCommand } from './enclave-verify.ts';
import { enclaveVerifyEvidenceCommand } from './enclave-verify-evidence.ts';
import { routeCommands } from './generated.ts';
import { jobLogsCommand } from './job-logs.ts';
import { launchCommand } from './launch.ts';
import { loginCommand, logoutCommand } from './login.ts';
import { runReproduceCommand } from './run-reproduce.ts';
import { statusCommand } from './status.ts';
import { trySaveCommand } from './try.ts';
import { watchCommand } from './watch.ts';
import { openDesktopCommand } from './workspace-open.ts';

/** The flags of every command. */
export const GlobalFlags = z.object({
  json: z.boolean().optional().describe('print only the JSON of the API on standard output'),
  profile: z.string().optional().describe('the profile to use (or set BROCH_PROFILE)'),
  as: z.string().optional().describe('the signed-in person to act as (or set BROCH_AS)'),
  help: z.boolean().optional().describe('show the help of a command'),
});

const byHand: readonly CliCommand[] = [
  loginCommand,
  logoutCommand,
  statusCommand,
  deliverCommand,
  datasetVerifyReceiptCommand,
  watchCommand,
  openDesktopCommand,
  launchCommand,
  airlockDraftCommand,
  airlockEditCommand,
  airlockSubmitCommand,
  airlockPreviewCommand,
  airlockReviewCommand,
  airlockReturnCommand,
  airlockUploadCommand,
  airlockDownloadCommand,
  airlockVerifyCommand,
  airlockCrateCommand,
  airlockKeyCommand,
  disclosureCheckCommand,
  disclosureRewriteCommand,
  enclavePackCommand,
  enclaveUploadCommand,
  enclaveGrantCommand,
  enclaveRevokeCommand,
  enclaveKeysCommand,
  enclaveVerifyCommand,
  enclaveVerifyEvidenceCommand,
  jobLogsCommand,
  runReproduceCommand,
  doctorCommand,
  trySaveCommand,
  createCompletionCommand(() => cliCommands, GlobalFlags),
  createCompletionInstallCommand(() => cliCommands, GlobalFlags),
];

const isByHand = ({ words }: CliCommand) => byHand.some(command => command.words.join(' ') === words.join(' '));

/** Every command: those written by hand, then one for each other route. */
export const cliCommands: readonly CliCommand[] = [...byHand, ...routeCommands.filter(command => !isByHand(command))];
