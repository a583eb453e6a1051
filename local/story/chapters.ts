import type { Chapter, Teller } from '../story.ts';
import { airlock } from './airlock.ts';
import { costs } from './costs.ts';
import { ingest } from './ingest.ts';
import { projects } from './projects.ts';
import { workspaces } from './workspaces.ts';

/** What `npm start` tells, in this order. */
export const chapters: readonly [Chapter, string, Teller][] = [
  ['ingest', 'A data partner delivers files', ingest],
  ['projects', 'An operator opens a project', projects],
  ['workspaces', 'A researcher gets a desktop', workspaces],
  ['airlock', 'Results leave, and nothing else', airlock],
  ['costs', 'The team hears what it cost', costs],
];
