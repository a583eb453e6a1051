import type * as z from 'zod';
import type { RouteName, Routes } from '../../functions/api/routes.ts';
import { formatFileChanges } from './dataset-text.ts';
import type { OutputScreen } from './output.ts';

type Answer<Name extends RouteName> = z.output<Routes[Name]['returns']>;
type AnswerTexts = { [Name in RouteName]?: (answer: Answer<Name>, screen: OutputScreen) => string };

/** How the answers of routes read. Routes that are not here are shown by the shape of their schema (output.ts). */
const answerTexts: AnswerTexts = {
  compareVersions: ({ items }) => formatFileChanges(items),
};

/** The text of an answer, if its route has one of its own. */
export const formatAnswer = (name: RouteName, answer: unknown, screen: OutputScreen): string | undefined =>
  (answerTexts[name] as ((answer: unknown, screen: OutputScreen) => string) | undefined)?.(answer, screen);
