import type { S3Client } from '@aws-sdk/client-s3';
import type { DemoSetup } from '../demo-setup.ts';
import { withInstanceBucket } from '../desktop.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { assertHolds } from '../story.ts';
import { planWindowsMounts } from '../windows-mounts.ts';
import { LIST_KEY, readText } from './dataset-list.ts';
import { pollUntilSettled } from './until.ts';

/** Rana's Windows desktop, started for her. */
export interface WindowsDesktop {
  readonly instance: string;
  /** What it shows at this path now, with the rights of its instance: the text, or why not. */
  read(path: string): Promise<string>;
  /** Ends its machine; its home stays. */
  archive(): Promise<void>;
}

async function readOnDriveC(s3: S3Client, bucket: string, path: string): Promise<string> {
  const mounts = planWindowsMounts(await readText(s3, bucket, LIST_KEY));
  const place = Object.keys(mounts).find(mount => path.startsWith(`${mount}\\`));
  const [alias, prefix] = (place !== undefined && mounts[place]) || [];
  if (alias === undefined) return 'nothing is there';
  return readText(s3, alias, `${prefix}${path.slice(`${place}\\`.length).replaceAll('\\', '/')}`);
}

export async function startWindowsDesktop(stage: DemoSetup, project: string): Promise<WindowsDesktop> {
  const rana = stage.as('rana');
  const { id: workspace } = await rana.ask('askWorkspace', { params: { project }, body: { kind: 'windows' } });
  const params = { project, workspace };
  const waitFor = (status: string) =>
    pollUntilSettled(
      () => rana.ask('showWorkspace', { params }),
      answer => answer.status === status || answer.status === 'failed',
    );
  const ready = await waitFor('ready');
  assertHolds(ready.status === 'ready', `the Windows desktop is ${JSON.stringify(ready)}`);
  const hypervisor = clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account));
  return {
    instance: ready.instanceId,
    read: path => withInstanceBucket(hypervisor, ready.instanceId, ({ s3, bucket }) => readOnDriveC(s3, bucket, path)),
    async archive() {
      await rana.ask('archiveWorkspace', { params });
      await waitFor('archived');
    },
  };
}
