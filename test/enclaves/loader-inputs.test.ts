import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mayMount } from '../../local/enclaves/enclave-machine.ts';
import { createSite, patients, readOutputs, runSite, type Site, shellArtefact } from './enclave-site.ts';

it('an artefact finds its inputs where desktops show them, can read them, and cannot change them', async () => {
  const folder = `scans/${'e'.repeat(12)}`;
  const probe = `exec > $BROCH_OUTPUTS/probe.txt 2>&1
echo "in $BROCH_DATA"
cd "$BROCH_DATA" && find . -type f && cat ${folder}/patients.csv
stat -c '%A %u %n' . scans ${folder} ${folder}/patients.csv
for attempt in 'echo x > ${folder}/patients.csv' 'echo x > ${folder}/more.csv' 'mkdir other' 'rm -f ${folder}/patients.csv'; do
  sh -c "$attempt" && echo "it did: $attempt"
done
env | grep -c INPUTS`;
  const probed = await createSite(shellArtefact(`${probe}\nexit 0`));
  const { outputs, failure, result } = await runSite(probed);
  expect(failure).toBeUndefined();
  const text = await readOutputs(outputs, probed);
  const emptyFolder = mkdtempSync(join(tmpdir(), 'be-'));
  expect(text).toMatch(mayMount(emptyFolder) ? /in \/data\n/ : /in \/\S+\/data\n/);
  rmSync(emptyFolder, { recursive: true });
  expect(text).toContain(`./${folder}/patients.csv\n${patients}`);
  const owner = process.getuid?.() ?? -1;
  const [open, closed] = ['dr-xr-xr-x', '-r--r--r--'];
  expect(text).toContain(
    `${open} ${owner} .\n${open} ${owner} scans\n${open} ${owner} ${folder}\n${closed} ${owner} ${folder}/patients.csv\n`,
  );
  expect(text).not.toContain('it did');
  expect(text.match(/denied/g)).toHaveLength(4);
  expect(JSON.parse(result ?? '{}').result.inputs).toEqual({ [folder]: probed.manifest.inputs[0]?.sha256 });
});

let site: Site | undefined;
it.each<[string, (manifest: string) => string, RegExp]>([
  ...['../scans', 'scans/..', 'Scans', '/etc', ''].map((dataset): [string, (manifest: string) => string, RegExp] => [
    `an input is of the dataset '${dataset}'`,
    text => text.replace('"dataset":"scans"', `"dataset":"${dataset}"`),
    /^input 1 names no version of a dataset$/,
  ]),
  [
    'an input is of a version that is none',
    text => text.replace(/"version":"e+"/, '"version":"../../../etc"'),
    /^input 1 names no version of a dataset$/,
  ],
  [
    'two inputs would be in one folder',
    text =>
      text.replace(/"inputs":\[(.*?)\]/, (_, input: string) => {
        const twin = input.replace(/e{52}"/, `${'0'.repeat(52)}"`);
        return `"inputs":[${input},${twin}]`;
      }),
    /^two inputs would be in \/data\/scans\/eeeeeeeeeeee$/,
  ],
])('nothing runs if %s', async (_, change, reason) => {
  site ??= await createSite(shellArtefact('exit 0'));
  const { start } = site;
  const manifest = change(start.manifest);
  expect(manifest).not.toBe(start.manifest);
  const { failure, attestation, outputs, result } = await runSite({ ...site, start: { ...start, manifest } });
  expect(failure).toMatch(reason);
  expect([attestation, outputs, result]).toEqual([undefined, undefined, undefined]);
});
