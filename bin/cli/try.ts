import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type ApiClient, agentFor } from './call.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { resolveFolder, walkFolder } from './folder.ts';
import { formatCount } from './output.ts';
import { ProgressLine } from './progress.ts';

/** The caller's desktop in a project, once it has an instance. */
async function findInstance(api: ApiClient, project: string, seconds: number, live: ProgressLine): Promise<string> {
  const { id } = await api.ask('showMe');
  for (const deadline = Date.now() + seconds * 1000; ; await sleep(500)) {
    const { items } = await api.ask('listWorkspaces', { params: { project }, query: { limit: 100 } });
    const desktops = items.filter(({ owner }) => owner === id);
    for (const workspace of desktops) if ('instanceId' in workspace) return workspace.instanceId;
    const [failed] = desktops;
    if (failed && desktops.every(({ status }) => status === 'failed'))
      throw new ExitError(
        'refused',
        `Your desktop in ${project} failed: ${'reason' in failed ? failed.reason : ''} Then: broch workspace retry ${project} ${failed.id}`,
      );
    if (desktops.length === 0)
      throw new ExitError(
        'refused',
        `You have no desktop in ${project}. Ask for one: broch workspace ask ${project} --kind desktop`,
      );
    if (Date.now() > deadline)
      throw new ExitError('fault', `Your desktop in ${project} has not started. Look: broch workspace list ${project}`);
    live.stage('your desktop', 'starting');
  }
}

export const trySaveCommand = defineCommand({
  words: ['try', 'save'],
  summary: 'Try-out only: save files of a folder as if from your desktop in a project',
  notes: [
    'In the try-out desktops are simulated, so nobody can work on one. This command replaces it: it saves the files with the',
    "rights of your desktop's instance, and nothing more. It works only with the embedded cloud of `npm start`.",
  ],
  examples: ['try save ./examples/shifts sleep data/outbox/shifts/'],
  params: z.object({
    folder: z.string().min(1).describe('the folder with the files'),
    project: z.string().min(1).describe('the project'),
    prefix: z
      .string()
      .regex(/^data\/outbox\/[\w-]+\/$/, 'a folder such as data/outbox/shifts/')
      .describe("the folder in the project's bucket"),
  }),
  flags: z.object({
    seconds: z.number().int().min(0).max(600).default(60).describe('seconds to wait until the desktop has started'),
  }),
  async run({ params: { folder, project, prefix }, flags: { seconds } }, context) {
    const { embedded, region } = context.place();
    if (!embedded)
      throw new ExitError('usage', 'This works only in the try-out. Save the files on your desktop in the project.');
    const { files, findings } = await walkFolder(await resolveFolder(folder));
    const [finding] = findings;
    if (finding) throw new ExitError('usage', `${finding.path}: ${finding.reason}`);
    if (files.length === 0) throw new ExitError('usage', `There are no files in ${folder}.`);
    using live = new ProgressLine(context);
    const instanceId = await findInstance(context.api(), project, seconds, live);
    // Loaded here: no other command needs the simulated desktops.
    const { withInstanceBucket } = await import('../../local/desktop.ts');
    const { rootCredentialsFor } = await import('../../local/roles.ts');
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const hypervisor = {
      endpoint: embedded.endpoint,
      region,
      credentials: rootCredentialsFor(embedded.account),
      requestHandler: { httpsAgent: agentFor(context.place()) },
    };
    const paths = await withInstanceBucket(hypervisor, instanceId, async ({ s3, bucket }) => {
      for (const { path, real, size } of files)
        await s3.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: prefix + path,
            Body: createReadStream(real),
            ContentLength: size,
          }),
        );
      return files.map(({ path }) => prefix + path);
    });
    live.end();
    const count = `${formatCount(paths.length)} ${paths.length === 1 ? 'file' : 'files'}`;
    context.result({ project, files: paths }, `Saved ${count} as your desktop in ${project}:\n${paths.join('\n')}`);
    return 'ok';
  },
});
