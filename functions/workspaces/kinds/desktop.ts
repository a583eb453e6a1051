import type { WorkspaceProvider } from './provider.ts';

/** A Linux desktop for everyday analysis. */
export const desktopProvider: WorkspaceProvider = {
  summary: 'a Linux desktop',
  image: 'linux-desktop',
  rootDevice: '/dev/xvda',
  homeDevice: '/dev/sdf',
  homeGigabytes: 50,
  protocol: 'rdp',
  families: /^(t3a?|m[5-8][a-z]*|c[5-8][a-z]*|r[5-8][a-z]*)\./,
  busyLoad: 0.5,
};
