import { keepState } from '../decision.ts';
import type { Finding, ObjectRef } from '../identifiers.ts';
import { applyDeadlines } from './request/deadlines.ts';
import type { ActingPerson, Context, RequestDecision } from './request/decision.ts';
import type { Seal } from './request/manifest.ts';
import type { Request, RequestRelease, RequestReport } from './request/request.ts';
import { editRequest, type RequestEdit, submitRequest, withdrawRequest } from './request/requester-commands.ts';
import {
  extendRetention,
  type ObjectInventory,
  recordDeletion,
  recordInventory,
  recordRetraction,
  startRetraction,
  withRetention,
} from './request/retention.ts';
import { recordVote, reissueApproval, resumeReview, revokeRelease, startRelease } from './request/reviewer-commands.ts';
import type { NumberedBallot } from './request/votes.ts';
import {
  abortRelease,
  recordFault,
  recordRelease,
  recordReport,
  recordSeal,
  recordTaskToken,
  recordVolume,
  rejectSubmission,
  remindReviewers,
} from './request/workflow-commands.ts';

/** What people may ask for, and what the steps of a workflow report. */
export type Command =
  | { do: 'edit'; by: ActingPerson; change: RequestEdit }
  | { do: 'submit'; by: ActingPerson }
  | { do: 'withdraw'; by: ActingPerson; reason: string }
  | { do: 'vote'; by: ActingPerson; ballot: NumberedBallot }
  | { do: 'release'; by: ActingPerson }
  | { do: 'revoke'; by: ActingPerson; reason: string }
  | { do: 'resume'; by: ActingPerson }
  | { do: 'reissue'; by: ActingPerson }
  | { do: 'rejectSubmission'; attempt: number; findings: readonly Finding[]; over?: boolean }
  | { do: 'recordVolume'; attempt: number; message: readonly string[] }
  | { do: 'recordSeal'; attempt: number; seal: Seal; settingsBy?: string | undefined }
  | { do: 'recordReport'; attempt: number; report: RequestReport }
  | { do: 'recordTaskToken'; attempt: number; token: string }
  | { do: 'remindReviewers'; attempt: number }
  | { do: 'recordFault'; attempt: number; reason: string }
  | { do: 'recordRelease'; attempt: number; release: RequestRelease }
  | { do: 'abortRelease'; attempt: number; reason: string; difference?: string }
  | { do: 'applyDeadlines' }
  | ({ do: 'recordInventory' } & ObjectInventory)
  | { do: 'extendRetention'; until: string }
  | { do: 'recordDeletion'; receipt: ObjectRef; inventory: ObjectRef | undefined; objects: number; bytes: number }
  | ({ do: 'startRetraction' } & ObjectInventory)
  | { do: 'recordRetraction'; receipt: ObjectRef; objects: number; bytes: number };

/**
 * Decides the next state of a request, the events to publish, and the reason. Commands that a person may not give are
 * refused. Stale workflow steps are ignored. Deadlines are applied before the command.
 */
export function decideRequest(request: Request, command: Command, now: string, facts: Context): RequestDecision {
  const current = applyDeadlines(request, now, facts.rules);
  const decision = act(current.request, command, now, facts);
  return {
    ...(current.ended && { ended: current.ended }),
    ...decision,
    state: withRetention(current.request, decision.state, now, facts.rules),
    events: [...current.events, ...decision.events],
  };
}

function act(request: Request, command: Command, now: string, facts: Context): RequestDecision {
  switch (command.do) {
    case 'edit':
      return editRequest(request, command, now, facts);
    case 'submit':
      return submitRequest(request, command, now, facts);
    case 'withdraw':
      return withdrawRequest(request, command, now);
    case 'vote':
      return recordVote(request, command, now, facts);
    case 'release':
      return startRelease(request, command, now, facts);
    case 'revoke':
      return revokeRelease(request, command, now, facts);
    case 'resume':
      return resumeReview(request, command, now, facts);
    case 'reissue':
      return reissueApproval(request, command, facts);
    case 'rejectSubmission':
      return rejectSubmission(request, command, now, facts);
    case 'recordVolume':
      return recordVolume(request, command);
    case 'recordSeal':
      return recordSeal(request, command);
    case 'recordReport':
      return recordReport(request, command, now, facts);
    case 'recordTaskToken':
      return recordTaskToken(request, command);
    case 'remindReviewers':
      return remindReviewers(request, command, now, facts);
    case 'recordFault':
      return recordFault(request, command, now, facts);
    case 'recordRelease':
      return recordRelease(request, command, now, facts);
    case 'abortRelease':
      return abortRelease(request, command, now);
    case 'applyDeadlines':
      return keepState(request, 'time alone changes it');
    case 'recordInventory':
      return recordInventory(request, command, now);
    case 'extendRetention':
      return extendRetention(request, command, now);
    case 'recordDeletion':
      return recordDeletion(request, command, now);
    case 'startRetraction':
      return startRetraction(request, command);
    case 'recordRetraction':
      return recordRetraction(request, command, now);
  }
}
