import type { Finding } from '../ingest/ingest.ts';
import { lapse } from './request/deadlines.ts';
import { type Decision, type Facts, type Person, unchanged } from './request/decision.ts';
import type { Seal } from './request/manifest.ts';
import type { Release, Report, Request, Text } from './request/request.ts';
import { type Edit, edit, submit, withdraw } from './request/requester-commands.ts';
import { deleted, keep, type Listed, list, retain, retract, retracted } from './request/retention.ts';
import { reissue, release, resume, revoke, vote } from './request/reviewer-commands.ts';
import type { Ballot } from './request/votes.ts';
import { alert, fault, judge, mend, released, sealing, stop, tick, wait } from './request/workflow-commands.ts';

/** What people ask for, and what the workflows report about the attempt they are. */
export type Command =
  | { do: 'edit'; by: Person; change: Edit }
  | { do: 'submit'; by: Person }
  | { do: 'withdraw'; by: Person; reason: string }
  | { do: 'vote'; by: Person; ballot: Ballot }
  | { do: 'release'; by: Person }
  | { do: 'revoke'; by: Person; reason: string }
  | { do: 'resume'; by: Person }
  | { do: 'reissue'; by: Person }
  | { do: 'mend'; attempt: number; findings: readonly Finding[]; over?: boolean }
  | { do: 'alert'; attempt: number; says: readonly string[] }
  | { do: 'seal'; attempt: number; seal: Seal }
  | { do: 'judge'; attempt: number; report: Report }
  | { do: 'wait'; attempt: number; token: string }
  | { do: 'tick'; attempt: number }
  | { do: 'fault'; attempt: number; reason: string }
  | { do: 'released'; attempt: number; release: Release }
  | { do: 'stop'; attempt: number; reason: string }
  | { do: 'lapse' }
  | ({ do: 'list' } & Listed)
  | { do: 'keep'; until: string }
  | { do: 'deleted'; receipt: Text; inventory: Text | undefined; objects: number; bytes: number }
  | ({ do: 'retract' } & Listed)
  | { do: 'retracted'; receipt: Text; objects: number; bytes: number };

/**
 * The whole life of a request: what becomes of it by a command, what is to be announced, and why. What a person may not
 * do is refused; a workflow's step that was overtaken changes nothing. Time has its say before anybody else.
 */
export function decide(before: Request, command: Command, now: string, facts: Facts): Decision {
  const lapsed = lapse(before, now, facts.rules);
  const decision = act(lapsed.request, command, now, facts);
  return {
    ...(lapsed.ended && { ended: lapsed.ended }),
    ...decision,
    request: retain(lapsed.request, decision.request, now, facts.rules),
    events: [...lapsed.events, ...decision.events],
  };
}

function act(of: Request, command: Command, now: string, facts: Facts): Decision {
  switch (command.do) {
    case 'edit':
      return edit(of, command, now, facts);
    case 'submit':
      return submit(of, command, now, facts);
    case 'withdraw':
      return withdraw(of, command, now);
    case 'vote':
      return vote(of, command, now, facts);
    case 'release':
      return release(of, command, now, facts);
    case 'revoke':
      return revoke(of, command, now, facts);
    case 'resume':
      return resume(of, command, now, facts);
    case 'reissue':
      return reissue(of, command, facts);
    case 'mend':
      return mend(of, command, now, facts);
    case 'alert':
      return alert(of, command);
    case 'seal':
      return sealing(of, command);
    case 'judge':
      return judge(of, command, now, facts);
    case 'wait':
      return wait(of, command);
    case 'tick':
      return tick(of, command, now, facts);
    case 'fault':
      return fault(of, command, now, facts);
    case 'released':
      return released(of, command, now, facts);
    case 'stop':
      return stop(of, command, now);
    case 'lapse':
      return unchanged(of, 'time alone changes it');
    case 'list':
      return list(of, command, now);
    case 'keep':
      return keep(of, command, now);
    case 'deleted':
      return deleted(of, command, now);
    case 'retract':
      return retract(of, command);
    case 'retracted':
      return retracted(of, command, now);
  }
}
