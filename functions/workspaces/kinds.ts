import * as z from 'zod';
import { desktopProvider } from './kinds/desktop.ts';
import { gpuProvider } from './kinds/gpu.ts';
import { notebookProvider } from './kinds/notebook.ts';
import type { WorkspaceProvider } from './kinds/provider.ts';
import { windowsProvider } from './kinds/windows.ts';
import type { DesktopProtocol, Workspace, WorkspaceIn } from './schemas.ts';

export const workspaceProviders: Readonly<Record<Workspace['kind'], WorkspaceProvider>> = {
  desktop: desktopProvider,
  notebook: notebookProvider,
  gpu: gpuProvider,
  windows: windowsProvider,
};

/** How desktops of the kind `gpu` are shown: by Guacamole as all others, or by Amazon DCV. */
export const GpuProtocol = z.enum(['rdp', 'dcv']);
export type GpuProtocol = z.infer<typeof GpuProtocol>;

/** The ports on which desktops are entered. That of Amazon DCV follows that of RDP, so that one rule opens both. */
export const desktopPorts = { rdp: 3389, dcv: 3390, vnc: 5901 } as const;
/** What the gateway may reach on a desktop. All kinds can be shown by RDP. */
export const portsOf = (gpuProtocol: GpuProtocol) => ({
  firstPort: desktopPorts.rdp,
  lastPort: gpuProtocol === 'dcv' ? desktopPorts.dcv : desktopPorts.rdp,
});

/**
 * By what the desktop of a workspace is shown. Amazon DCV cannot record a session, so a session that must be recorded is
 * shown by RDP; every desktop that has DCV has both.
 */
export function chooseProtocol(
  { kind, desktop }: Pick<WorkspaceIn<'ready'>, 'kind' | 'desktop'>,
  gpuProtocol: GpuProtocol,
  recording: boolean,
): DesktopProtocol {
  if (desktop.protocol !== 'dcv') return desktop.protocol;
  return gpuProtocol === 'dcv' && workspaceProviders[kind].hasDcv && !recording ? 'dcv' : 'rdp';
}
