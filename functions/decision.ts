import type { OutgoingEvent } from './contract.ts';

/** What every core decides about a command: the next state, the events to publish with it, and the reason. */
export interface Decision<State, Event = OutgoingEvent> {
  /** The same object as before if nothing changes. */
  readonly state: State;
  readonly events: readonly Event[];
  readonly reason: string;
  /** The command came from an attempt that a newer one has replaced. It was ignored. */
  readonly superseded?: true;
  /** The token of the waiting task to complete. */
  readonly wake?: string;
}

export const keepState = <State>(state: State, reason: string) => ({ state, events: [], reason });

export const ignoreStaleStep = <State>(state: State) => ({
  ...keepState(state, 'a newer attempt or state replaced this step'),
  superseded: true as const,
});
