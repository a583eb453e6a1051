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
  // At most 16 GiB, of families that AWS names. Windows Server 2022 is the latest that it hibernates, and none that starts by
  // UEFI with Secure Boot: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
  hibernates:
    /^((t3a?|m(5a?|6[ai]|7[ai]|8[ai]))\.x?large|c(5|6[ai]|7[ai]|8[ai])\.(2?x)?large|r(5a?|6a|7[ai]|8[ai])\.large)$/,
  // Windows is never quite idle.
  busyLoad: 0.6,
};
