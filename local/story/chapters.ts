import type { Chapter, ChapterTeller } from '../story.ts';
import { tellAirlock } from './airlock.ts';
import { tellBatch } from './batch.ts';
import { tellCosts } from './costs.ts';
import { tellDatasets } from './datasets.ts';
import { tellEnclaves } from './enclaves.ts';
import { tellImages } from './images.ts';
import { tellIngest } from './ingest.ts';
import { tellProjects } from './projects.ts';
import { tellWorkspaces } from './workspaces.ts';

/** What `npm start` tells, in this order. */
export const storyChapters: readonly [Chapter, string, ChapterTeller][] = [
  ['ingest', 'A data partner delivers files', tellIngest],
  ['projects', 'An operator opens a project', tellProjects],
  ['images', 'An image is built, approved and published', tellImages],
  ['workspaces', 'A researcher gets a desktop', tellWorkspaces],
  ['datasets', 'A project gets a dataset', tellDatasets],
  ['batch', 'A model is trained on batch queues', tellBatch],
  ['airlock', 'Results leave, and nothing else', tellAirlock],
  ['enclaves', 'Confidential code runs on confidential data', tellEnclaves],
  ['costs', 'The team hears what it cost', tellCosts],
];
