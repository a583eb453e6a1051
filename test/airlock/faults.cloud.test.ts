import { expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { runExportDetour, runExportPath } from './faults/exports.ts';
import { enrolFaultPeople, listFunctionNames } from './faults/harness.ts';
import { runImportPath, runPathOutsideProjects } from './faults/imports.ts';
import { runEnclavePath } from './faults/runs.ts';
import { runSweepPath } from './faults/sweeps.ts';
import { isRouteName, runFaultTrial } from './faults/trial.ts';

enrolFaultPeople();

it('reaches the right end, with each effect once, whichever AWS call of the airlock fails or loses its answer', async () => {
  const faultsByFunction = await runFaultTrial({
    // What an end calls is in the way of imports, where it has something to do.
    exports: { go: runExportPath, fails: name => name !== 'airlock/deletion/retract.lambda.ts' },
    imports: {
      go: runImportPath,
      fails: (name, isNew) => isNew || !isRouteName(name),
    },
    sweeps: {
      go: runSweepPath,
      fails: name => name === 'airlock/deletion/sweep.lambda.ts',
    },
    anywhere: { go: runPathOutsideProjects, fails: (_, isNew) => isNew },
    runs: { go: runEnclavePath, fails: (_, isNew) => isNew },
    detour: { go: runExportDetour, fails: (_, isNew) => isNew },
  });

  // No function and no operation was left out, also of those that come.
  const operations = Object.values(routes)
    .filter(({ capability }) => ['airlock', 'preview', 'download'].includes(capability))
    .map(({ method, path }) => `${method} ${path}`);
  const apis = new Set([...faultsByFunction.keys()].filter(isRouteName).map(name => name.split(' ')[0]));
  const operationNames = [...[...(await listFunctionNames()).keys()].filter(name => !apis.has(name)), ...operations];
  const missing = operationNames.filter(name => {
    const kinds = [...faultsByFunction].find(([covered]) => covered === name || covered.endsWith(` ${name}`))?.[1];
    return !kinds?.has('error') || !kinds.has('lost');
  });
  expect(missing).toEqual([]);
}, 900_000);
