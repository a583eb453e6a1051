import type { WorkspaceProvider } from './provider.ts';

/** A Linux desktop that opens a notebook server and nothing else. */
export const notebookProvider: WorkspaceProvider = {
  summary: 'a Linux desktop that opens a notebook server',
  image: 'linux-notebook',
  rootDevice: '/dev/xvda',
  homeDevice: '/dev/sdf',
  homeGigabytes: 50,
  protocol: 'rdp',
  families: /^(t3a?|m[5-8][a-z]*|c[5-8][a-z]*|r[5-8][a-z]*)\./,
  busyLoad: 0.5,
};
