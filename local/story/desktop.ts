import type { S3Client } from '@aws-sdk/client-s3';
import type { DemoSetup } from '../demo-setup.ts';
import { withInstanceBucket } from '../desktop.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { assertHolds } from '../story.ts';

/** The project's folder as Rana's desktop sees it, with exactly the rights of its instance. */
export async function withDesktopFolder<T>(
  stage: DemoSetup,
  project: string,
  run: (folder: { s3: S3Client; bucket: string }) => Promise<T>,
): Promise<T> {
  const { items } = await stage.as('rana').ask('listWorkspaces', { params: { project } });
  const desktop = items.find(({ status }) => status === 'ready');
  assertHolds(desktop && 'instanceId' in desktop, 'Rana has no desktop');
  const hypervisor = clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account));
  return withInstanceBucket(hypervisor, desktop.instanceId, run);
}
