import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../bin/cli/status.ts';
import { connectTestCloud } from '../cloud.ts';
import { writeEmbeddedCloudFile } from './embedded.ts';
import { makeTestFolder, runBroch } from './harness.ts';

const cloud = connectTestCloud();
const project = 'status-one';
let run: (line: string) => ReturnType<typeof runBroch>;
const statusOf = async (name: string): Promise<StatusReport> =>
  JSON.parse((await run(`status --as ${name} --json`)).output);

beforeAll(async () => {
  const home = makeTestFolder(afterAll);
  const { file } = await writeEmbeddedCloudFile(cloud, home, {
    'status-olga': 'operator',
    'status-rana': 'researcher',
    'status-petra': 'partner',
    'status-vera': 'reviewer',
    'status-stella': 'steward',
  });
  run = line => runBroch(line.split(' '), { XDG_CONFIG_HOME: home, BROCH_CLOUD: file, BROCH_AS: 'status-olga' });
  expect((await run(`project create --id ${project} --title Status`)).code).toBe(0);
  expect((await run(`watch project ${project}`)).code).toBe(0);
  expect((await run(`member add ${project} status-rana --roles researcher`)).code).toBe(0);
});

describe('broch status', () => {
  it('says so when nothing waits for the person', async () => {
    const { code, output } = await run('status --as status-rana');
    expect({ code, output }).toEqual({ code: 0, output: 'Nothing waits for you, and nothing is under way.\n' });
  });

  it('shows a researcher their own draft with the command that submits it, and nobody else', async () => {
    const draft = await run(
      `airlock draft ${project} --title Shifts --source data/outbox/shifts/ --table ** --purpose paper --as status-rana --json`,
    );
    const { id } = JSON.parse(draft.output);
    const { output } = await run('status --as status-rana');
    expect(output).toContain(`Waiting for you:\n  Request ${id} of ${project}: Shifts (draft`);
    expect(output).toContain(`Next: broch --as status-rana airlock submit ${project} ${id}`);
    // The commands that it prints work as they are.
    expect((await run(`--as status-rana airlock show ${project} ${id}`)).code).toBe(0);
    for (const name of ['status-olga', 'status-vera', 'status-petra', 'status-stella'])
      expect(JSON.stringify(await statusOf(name))).not.toContain(id);
  });

  it('shows an open delivery to its partner as waiting, and to a data steward as under way', async () => {
    const { id } = JSON.parse((await run('delivery open --dataset status-visits --as status-petra --json')).output);
    expect((await statusOf('status-petra')).waiting).toEqual([
      {
        standing: 'waiting',
        subject: `Delivery ${id} of status-visits`,
        status: 'open',
        command: `deliver <folder> --delivery ${id}`,
      },
    ]);
    expect((await statusOf('status-stella')).underWay).toContainEqual({
      standing: 'underWay',
      subject: `Delivery ${id} of status-visits, from status-petra`,
      status: 'open',
      command: `delivery show ${id}`,
    });
  });
});
