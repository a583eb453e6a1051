import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AslState {
  Type: string;
  Next?: string;
  Default?: string;
  Choices?: { Next: string }[];
  Catch?: { Next: string }[];
}
/** The states of a machine, as its file has them. */
export const readAslStates = (file: string): Record<string, AslState> =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../state-machines', `${file}.asl.json`), 'utf8')).States;

/** Every state, and every way from one state to another, also by Choice and Catch. */
export const listTransitions = (states: Record<string, AslState>): string[] => [
  ...new Set(
    Object.entries(states).flatMap(([name, { Next, Default, Choices = [], Catch = [] }]) =>
      [Next, Default, ...[...Choices, ...Catch].map(({ Next }) => Next)].flatMap(target =>
        target ? [`${name} > ${target}`] : [],
      ),
    ),
  ),
];
