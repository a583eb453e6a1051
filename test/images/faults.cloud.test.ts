import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imageParameter } from '../../functions/images/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import { playBuilder } from '../../local/builder.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { signInProjectPerson } from '../projects/harness.ts';
import { selectTrials } from '../trials.ts';
import { openTestTable, waitUntil } from '../workspaces/harness.ts';

const cloud = connectTestCloud();
const ssm = new SSMClient(cloud.configuration);
const playing = new AbortController();
const image = 'linux-gpu';
let olga: Awaited<ReturnType<typeof signInProjectPerson>>;
let stella: typeof olga;

beforeAll(async () => {
  [olga, stella] = await Promise.all([
    signInProjectPerson('imf-olga', 'operator'),
    signInProjectPerson('imf-stella', 'steward'),
  ]);
  await (await openTestTable(cloud)).put(rowKey('project', 'imf-canary'), { id: 'imf-canary' });
  void playBuilder(cloud, { plays: run => (run.image === image ? {} : undefined), signal: playing.signal });
});
afterAll(() => playing.abort());

async function build() {
  const { version } = await olga.ask('buildImage', { params: { image } });
  return waitUntil(
    () => olga.ask('showFindings', { params: { image, version } }),
    ({ status }) => !['building', 'testing', 'scanning'].includes(status),
  );
}
async function publish(version: Awaited<ReturnType<typeof build>>) {
  const params = { image, version: version.version } as const;
  if (version.status !== 'awaitingApproval') throw new Error(`the version is ${JSON.stringify(version)}`);
  await stella.ask('approveImage', { params, body: { digest: version.digest } });
  await olga.ask('publishImage', { params, body: { project: 'imf-canary' } });
  await olga.ask('publishImage', { params, body: {} });
  return version.build.ami;
}
const aliasOf = () =>
  ssm.send(new GetParameterCommand({ Name: imageParameter(image) })).then(
    ({ Parameter }) => Parameter?.Value,
    () => undefined,
  );
const currentAmi = async () => {
  const { items } = await olga.ask('listImages');
  return items.find(item => item.image === image)?.current?.ami;
};
/** Frees the row of versions that did not get far, because twenty are kept. */
async function clear(version: Awaited<ReturnType<typeof build>>) {
  const params = { image, version: version.version } as const;
  if (version.status === 'awaitingApproval')
    await olga.ask('rejectImage', { params, body: { reason: 'A test of faults.' } });
  if (!('build' in version && version.build)) return;
  await olga.ask('retireImage', { params }).catch((error: Error) => {
    // Its machine was left behind, because that was the fault.
    if (!/machines run/.test(error.message)) throw error;
  });
}

/** A sample fails a call of every function, and one invocation. */
const kindsOf = ({ function: name, action = '' }: Fault) => [action === 'lambda:Invoke' ? action : name];

it('whichever AWS call of a build fails, what is published stays, and the version says how it ended', async () => {
  const watch = await watchCalls(cloud, image);
  try {
    const ami = await publish(await build());
    await waitUntil(aliasOf, value => value === ami);
    const { calls } = await watch.calls();
    const faults = [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
      list.map(({ action, nth }): Fault => {
        // An event is delivered again; a step is repeated five times. A removal that fails once must be made up for.
        const invocations = /^images\/(built|remove)\./.test(name) ? 1 : 6;
        return { function: name, action, nth, how: 'error', invocations };
      }),
    );
    const steps = faults.filter(({ function: name }) =>
      /^images\/(build|built|launch|smoke|tested|scan|findings|remove)\./.test(name),
    );
    expect(new Set(steps.map(({ function: name }) => name)).size).toBe(8);
    const outcomes = new Map<string, string>();
    for (const fault of selectTrials('images, an AWS call of a build fails', steps, kindsOf)) {
      await watch.rearm([fault]);
      const version = await build();
      const title = `${fault.function} ${fault.action} ${fault.nth}`;
      // The machine of a candidate is removed after its version has settled.
      await waitUntil(
        () => watch.calls(),
        ({ unmet }) => unmet.length === 0,
      );
      await watch.rearm([]);
      expect(['failed', 'awaitingApproval'], title).toContain(version.status);
      expect([title, await aliasOf(), await currentAmi()]).toEqual([title, ami, ami]);
      outcomes.set(title, version.status);
      await clear(version);
    }
    console.log([...outcomes].map(([title, status]) => `${title}: ${status}`).join('\n'));
    // A step whose calls all fail fails the version; a machine that is left behind does not.
    const failures = [...outcomes.values()].filter(status => status === 'failed').length;
    expect(failures).toBeGreaterThan(outcomes.size / 4);
    expect(failures).toBeLessThan(outcomes.size);
  } finally {
    await watch.end();
  }
}, 900_000);

it('whichever AWS call of a publication fails once, the parameter ends up with what people decided', async () => {
  const watch = await watchCalls(cloud, image);
  try {
    await waitUntil(aliasOf, async value => value !== undefined && value === (await currentAmi()));
    const first = await publish(await build());
    await waitUntil(aliasOf, value => value === first);
    const { calls } = await watch.calls();
    const events = [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
      /^images\/(alias|label)\./.test(name)
        ? list.map(({ action, nth }): Fault => ({ function: name, action, nth, how: 'error' }))
        : [],
    );
    expect(new Set(events.map(({ function: name }) => name)).size).toBe(2);
    for (const fault of selectTrials('images, an AWS call of a publication fails', events, kindsOf)) {
      await watch.rearm([fault]);
      const ami = await publish(await build());
      await waitUntil(aliasOf, value => value === ami);
      await olga.ask('rollBackImage', { params: { image }, body: { reason: 'A test of faults.' } });
      await waitUntil(aliasOf, async value => value === (await currentAmi()));
    }
  } finally {
    await watch.end();
  }
}, 900_000);
