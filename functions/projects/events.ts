import * as z from 'zod';
import { contract } from '../contract.ts';
import { ProjectId, ProjectNetwork } from './schemas.ts';

const subject = { project: ProjectId, attempt: z.number().int().min(1) };

export const ProjectReady = contract(
  'broch.projects',
  'ProjectReady',
  z.object({ ...subject, network: ProjectNetwork }),
);

export const ProjectFailed = contract(
  'broch.projects',
  'ProjectFailed',
  z.object({ ...subject, reason: z.string(), rolledBack: z.boolean() }),
);
