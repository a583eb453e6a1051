import type { WorkspaceProvider } from './provider.ts';

/** A Windows desktop. Windows numbers its disks, whatever the devices are called. */
export const windowsProvider: WorkspaceProvider = {
  summary: 'a Windows desktop',
  image: 'windows-desktop',
  rootDevice: '/dev/sda1',
  homeDevice: 'xvdf',
  homeGigabytes: 50,
  protocol: 'rdp',
  families: /^(t3a?|m[5-8][a-z]*|c[5-8][a-z]*|r[5-8][a-z]*)\./,
  // Windows is never quite idle.
  busyLoad: 0.6,
};
