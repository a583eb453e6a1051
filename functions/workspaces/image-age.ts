import { countAgeDays, findPublished, type Image } from '../images/schemas.ts';
import { workspaceProviders } from './kinds.ts';
import type { Workspace, WorkspaceImage } from './schemas.ts';

/** The machine image that a workspace's machine was made from, if it has a machine. */
export function machineImageOf(workspace: Workspace): string | undefined {
  if ('imageId' in workspace) return workspace.imageId;
  return workspace.earlierInstance?.imageId;
}

/**
 * Which version a workspace's machine was made from, how old it is, and which one a new machine would be made from. A
 * machine keeps its disks, and with them its version, also when it is started again.
 */
export function describeImage(workspace: Workspace, image: Image | undefined, now: string): WorkspaceImage | undefined {
  const ami = machineImageOf(workspace);
  const version = image?.versions.find(candidate => 'build' in candidate && candidate.build?.ami === ami);
  if (!ami || !version || !('build' in version) || !version.build) return undefined;
  const { image: name } = workspaceProviders[workspace.kind];
  const published = findPublished(image, workspace.project, now)?.version;
  const isCurrent = published === undefined || published === version.version;
  return {
    name,
    version: version.version,
    ageDays: countAgeDays(version.build, now),
    ...(published !== undefined && { published }),
    ...(isCurrent ? {} : { advice: adviseRenewal(workspace, published) }),
  };
}

const adviseRenewal = ({ project, id }: Workspace, version: number): string =>
  `This machine keeps its version when it is started again. For version ${version}, archive the workspace and start it: broch workspace archive ${project} ${id}, then broch workspace start ${project} ${id}. Only the home is kept.`;
