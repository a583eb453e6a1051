import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestFolder, runBroch } from './harness.ts';

/** Words of libraries and of the system, which say nothing to people. */
const jargon =
  /getaddrinfo|ECONN|ENOENT|EISDIR|ENOTFOUND|EAI_AGAIN|\bat .*\.[jt]s:\d|node:internal|Error:|Invalid input|expected (string|number|object|array)|\[object|undefined|\^\[|\\d|Zod|JSON at position|Unexpected token/;

const id = 'al-0011223344556677';

/** A home whose API has a name that no resolver knows. */
function makeHome(profiles: string = JSON.stringify({ chosen: 'main', profiles: { main: unknownPlace } })): string {
  const home = makeTestFolder();
  mkdirSync(join(home, 'broch'));
  writeFileSync(join(home, 'broch/profiles.json'), profiles);
  return home;
}
const unknownPlace = { api: 'https://nothing.invalid/v1', pool: 'eu-west-2_aBcDeFgHi', client: 'abc123' };

describe('a mistake in a command line', () => {
  it.each<[line: string[], code: number, answer: string]>([
    [['wathc', 'project'], 2, 'There is no command `broch wathc project`. Did you mean `broch watch`?'],
    [['project', 'delete', 'asthma'], 2, 'There is no command `broch project delete`. See: broch project --help'],
    [['project', 'remove', 'asthma'], 2, 'There is no command `broch project remove`. See: broch project --help'],
    [['project', 'crate'], 2, 'Did you mean `broch project create`?'],
    [['create', 'project'], 2, 'Did you mean `broch project create`?'],
    [['nonsense'], 2, 'There is no command `broch nonsense`. See: broch --help'],
    [['project', 'show'], 2, '<project> is missing.'],
    [['project', 'show', 'Asthma!'], 2, '<project>: It must be lower-case letters, digits and single hyphens'],
    [['project', 'create', '--id', 'asthma'], 2, '--title is needed: a title for people.'],
    [['airlock', 'show', 'asthma', '123'], 2, `<request>: It must be an id such as ${id}.`],
    [['airlock', 'trail', 'asthma', 'x'], 2, `<request>: It must be an id such as ${id}.`],
    [['delivery', 'show', '7'], 2, '<delivery>: It must be an id such as dl-0011223344556677.'],
    [['deliver', '.', '--delivery', '7'], 2, '--delivery: It must be an id such as dl-0011223344556677.'],
    [['workspace', 'show', 'asthma', '7'], 2, '<workspace>: It must be an id such as ws-001122334455.'],
    [['watch', 'workspace', 'asthma'], 2, 'Name one workspace: broch watch workspace <project> <workspace>'],
    [['watch', 'project', 'a', 'b'], 2, 'Name one project: broch watch project <project>'],
    [['airlock', 'configure', 'asthma', '--settings', '{tier:3}', '--reason', 'x'], 2, '--settings is not valid JSON'],
    [['airlock', 'configure', 'asthma', '--settings', '@none', '--reason', 'x'], 2, 'there is no such file or folder'],
    [
      ['airlock', 'configure', 'asthma', '--settings', '{"quorom":3}', '--reason', 'x'],
      2,
      '--settings: There is no field quorom here. Leave it out or correct its name.',
    ],
    [
      ['airlock', 'configure', 'asthma', '--settings', '{"quorum":9}', '--reason', 'x'],
      2,
      '--settings.quorum: It is at most 3.',
    ],
    [['airlock', 'review', 'asthma', id, '--verdict', 'yes'], 2, '--verdict takes approve or return or reject'],
    [['member', 'add', 'asthma', 'rana', '--roles', 'boss'], 2, '--roles takes lead or researcher, not "boss".'],
    [['member', 'add', 'asthma', 'rana', '--role', 'lead'], 2, 'Did you mean --roles?'],
    [['cost', 'report', '--date', 'yesterday'], 2, '--date: It must be a date, such as 2026-07-01.'],
    [['dataset', 'files', 'admissions', '3f'], 2, '<version>: It must be `latest`, or the first 6 to 64 characters'],
    [['deliver', '/nowhere', '--dataset', 'admissions'], 2, '/nowhere does not exist.'],
    [['disclosure', 'check', '/nowhere'], 2, '/nowhere does not exist.'],
    [['project', 'list', '--limit', 'ten'], 2, '--limit takes a whole number, not "ten".'],
    [['project', 'list', '--limit', '0'], 2, '--limit: It is at least 1.'],
    [['whoami', '--profile', 'other'], 2, 'There is no profile other. Profiles: main.'],
    [['whoami'], 4, 'You are not signed in. Sign in: broch login'],
    [['whoami', '--as', 'dana'], 4, 'dana is not signed in. Sign in: broch login'],
    [['try', 'save', '.', 'asthma', 'data/outbox/x/'], 2, 'This works only in the try-out.'],
  ])('broch %j', async (line, code, answer) => {
    const result = await runBroch(line, { XDG_CONFIG_HOME: makeHome() });
    expect(result.err).toContain(answer);
    expect({ code: result.code, output: result.output }).toEqual({ code, output: '' });
    expect(result.err).not.toMatch(jargon);
  });
});

describe('an API that is not there', () => {
  it('is named with what is wrong, in words', async () => {
    const home = makeHome();
    const { code, err } = await runBroch(['airlock', 'verify-key'], { XDG_CONFIG_HOME: home });
    expect({ code, err }).toMatchObject({ code: 2 });
    const answer = await runBroch(['api', 'show'], { XDG_CONFIG_HOME: home });
    expect(answer.code).toBe(1);
    expect(answer.err).toMatch(
      /^broch: nothing\.invalid does not answer: the name .*\. Check the network and the address\.\n$/,
    );
    expect(answer.err).not.toMatch(jargon);
  });
});

describe('a damaged file of the command line', () => {
  it('of profiles is set aside and named, and is not read again', async () => {
    const home = makeHome('{');
    const { code, err } = await runBroch(['whoami'], { XDG_CONFIG_HOME: home });
    expect(code).toBe(4);
    expect(err).toContain('There is no profile yet.');
    expect(err).toContain(
      `${join(home, 'broch/profiles.json')} was damaged. It is now ${join(home, 'broch/profiles.json.damaged')}.`,
    );
    expect((await runBroch(['logout'], { XDG_CONFIG_HOME: home })).err).not.toMatch(/damaged/);
  });
});
