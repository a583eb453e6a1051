import { request } from 'node:https';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { tellWindowsLife } from './desktop-life.ts';
import { refusalOf } from './refusal.ts';
import { pollUntilSettled } from './until.ts';

/** Follows a link as its page does, which posts what stands behind the `#`, and gives the gateway's answer. */
function enter(url: string): Promise<{ status: number; body: string }> {
  const link = new URL(url);
  const form = new URLSearchParams({ data: new URLSearchParams(link.hash.slice(1)).get('data') ?? '' }).toString();
  return new Promise((resolve, reject) => {
    const call = request(
      new URL('/desktop/api/tokens', link),
      { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      answer => {
        let body = '';
        answer.on('data', chunk => {
          body += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    );
    call.on('error', reject);
    call.end(form);
  });
}

/** A desktop in the project's network, and a link that works once, for its owner. */
export const tellWorkspaces: ChapterTeller = async (stage, tell) => {
  const rana = stage.as('rana');
  const params = { project: 'asthma' };

  const { workspace } = await tell('Rana asks for a Linux desktop', async () => {
    const response = await rana.ask('askWorkspace', { params, body: { kind: 'desktop' } });
    return {
      message: 'She is a member of asthma, so it is started in the network of asthma.',
      ids: { workspace: response.id },
      workspace: response.id,
    };
  });

  await tell('It starts and reports by itself', async () => {
    const ready = await pollUntilSettled(
      () => rana.ask('showWorkspace', { params: { ...params, workspace } }),
      ({ status }) => status === 'ready' || status === 'failed',
    );
    assertHolds(ready.status === 'ready', `the workspace is ${JSON.stringify(ready)}`);
    const { items } = await rana.ask('listImages');
    const current = items.find(({ image }) => image === 'linux-desktop')?.current;
    assertHolds(ready.imageId === current?.ami, `it started from ${ready.imageId}, not from ${current?.ami}`);
    return {
      message: `${ready.instanceId} has the address ${ready.address}, inside the project's block. It started from version ${current.version} of the image, which is published. Its agent wrote its report where only that instance may write.`,
      ids: { workspace, instance: ready.instanceId, image: ready.imageId },
    };
  });

  const { link } = await tell('Rana gets a link and follows it', async () => {
    const { url, expires } = await rana.ask('linkWorkspace', { params: { ...params, workspace } });
    const { status, body } = await enter(url);
    assertHolds(status === 200, `the gateway answered ${status} ${body}`);
    assertHolds(JSON.parse(body).username === 'rana', `the gateway let in ${body}`);
    return {
      message: `The gateway let her in as rana. Unused, the link would have expired at ${expires}.`,
      ids: { workspace },
      link: url,
    };
  });

  await tell('Somebody follows the same link again', async () => {
    const { status } = await enter(link);
    assertHolds(status === 403, `the gateway answered ${status}`);
    return { message: 'Refused: a link works once, so nobody can use one from a chat or a browser history.' };
  });

  await tell('Rana looks for the other project, Victor for her desktop', async () => {
    const ranaRefusal = await refusalOf(() => rana.ask('listWorkspaces', { params: { project: 'sepsis' } }));
    const victorRefusal = await refusalOf(() =>
      stage.as('victor').ask('linkWorkspace', { params: { ...params, workspace } }),
    );
    return { message: `Rana: ${ranaRefusal}\nVictor: ${victorRefusal}` };
  });

  await tell('She also gets a Windows desktop', async () => {
    const { id } = await rana.ask('askWorkspace', { params, body: { kind: 'windows' } });
    const ready = await pollUntilSettled(
      () => rana.ask('showWorkspace', { params: { ...params, workspace: id } }),
      ({ status }) => status === 'ready' || status === 'failed',
    );
    const { items } = await rana.ask('listImages');
    const current = items.find(({ image }) => image === 'windows-desktop')?.current;
    assertHolds(ready.status === 'ready' && ready.imageId === current?.ami, `the desktop is ${JSON.stringify(ready)}`);
    return {
      message: `It started from version ${current.version} of the Windows image, which Stella approved.`,
      ids: { workspace: id, image: ready.imageId },
    };
  });

  await tellWindowsLife(stage, tell);
};
