import * as z from 'zod';
import { rowKey } from '../keys.ts';
import { Project, ProjectId, type ProjectNetwork } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { readRow } from '../table.ts';
import { type EnclaveRun, RunId } from './schemas.ts';
import { readEnclaveRun } from './store.ts';

/** What each step of a run's workflow is given. */
export const RunStep = z.object({ project: ProjectId, run: RunId });
export type RunStep = z.infer<typeof RunStep>;

/** A project's network, with the role of its instances. */
export type EnclaveNetwork = ProjectNetwork & { readonly datasets: NonNullable<ProjectNetwork['datasets']> };

export async function readRun(table: string, { project, run: id }: RunStep): Promise<EnclaveRun> {
  const run = await readEnclaveRun(table, project, id);
  if (!run) throw new Refused('missing', `The project ${project} has no run ${id}. See broch enclave list ${project}.`);
  return run;
}

/** A run that goes on: nobody took an approval back, and nothing ended it. */
export async function readRunning(table: string, step: RunStep): Promise<Extract<EnclaveRun, { status: 'running' }>> {
  const run = await readRun(table, step);
  if (run.status === 'refused') throw new Refused('conflict', `${run.by.name} took the approval back: ${run.reason}`);
  if (run.status !== 'running') throw new Refused('conflict', `The run is ${run.status}.`);
  return run;
}

export async function readNetwork(table: string, id: string): Promise<{ network: EnclaveNetwork; cidr: string }> {
  const project = await readRow(table, Project, rowKey('project', id));
  if (project?.status !== 'ready') throw new Refused('conflict', `Project ${id} is not ready.`);
  const { network, cidr } = project;
  if (!network.datasets)
    throw new Refused('conflict', `The network of ${id} is too old for enclaves. Ask your operator to build it again.`);
  return { network: { ...network, datasets: network.datasets }, cidr };
}
