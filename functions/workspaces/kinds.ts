import { desktopProvider } from './kinds/desktop.ts';
import { gpuProvider } from './kinds/gpu.ts';
import { notebookProvider } from './kinds/notebook.ts';
import type { WorkspaceProvider } from './kinds/provider.ts';
import { windowsProvider } from './kinds/windows.ts';
import type { Workspace } from './schemas.ts';

export const workspaceProviders: Readonly<Record<Workspace['kind'], WorkspaceProvider>> = {
  desktop: desktopProvider,
  notebook: notebookProvider,
  gpu: gpuProvider,
  windows: windowsProvider,
};

/** The ports on which desktops of all kinds are entered. */
export const desktopPorts = { rdp: 3389, vnc: 5901 } as const;
export const workspacePorts: readonly number[] = [
  ...new Set(Object.values(workspaceProviders).map(({ protocol }) => desktopPorts[protocol])),
];
