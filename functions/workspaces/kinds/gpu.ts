import type { WorkspaceProvider } from './provider.ts';

/** A Linux desktop with an NVIDIA GPU. Its families have the drivers of the image. */
export const gpuProvider: WorkspaceProvider = {
  summary: 'a Linux desktop with a GPU',
  image: 'linux-gpu',
  rootDevice: '/dev/xvda',
  homeDevice: '/dev/sdf',
  homeGigabytes: 100,
  protocol: 'rdp',
  hasDcv: true,
  families: /^(g[4-6][a-z]*|p[3-6][a-z]*)\./,
  // A GPU calculates with one busy processor, which feeds it.
  busyLoad: 0.25,
};
