import { expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { detour, way } from './faults/exports.ts';
import { functions, gather } from './faults/harness.ts';
import { anywhere, wayIn } from './faults/imports.ts';
import { sweeps } from './faults/sweeps.ts';
import { isRoute, trial } from './faults/trial.ts';

gather();

it('everything ends where it should, once, whichever AWS call of the airlock fails or is lost', async () => {
  const met = await trial({
    // What an end calls is in the way of imports, where it has something to do.
    exports: { go: way, fails: name => name !== 'airlock/deletion/retract.lambda.ts' },
    imports: {
      go: wayIn,
      fails: (name, isNew) => isNew || !isRoute(name),
      bearsAll: ['airlock/deletion/retract.lambda.ts'],
    },
    sweeps: {
      go: sweeps,
      fails: name => name === 'airlock/deletion/sweep.lambda.ts',
      bearsAll: ['airlock/deletion/sweep.lambda.ts'],
    },
    anywhere: { go: anywhere, fails: (_, isNew) => isNew },
    detour: { go: detour, fails: (_, isNew) => isNew },
  });

  // No function and no operation was left out, also of those that come.
  const operations = Object.values(routes)
    .filter(({ capability }) => ['airlock', 'preview', 'download'].includes(capability))
    .map(({ method, path }) => `${method} ${path}`);
  const apis = new Set([...met.keys()].filter(isRoute).map(name => name.split(' ')[0]));
  const all = [...[...(await functions()).keys()].filter(name => !apis.has(name)), ...operations];
  const without = all.filter(name => {
    const kinds = [...met].find(([of]) => of === name || of.endsWith(` ${name}`))?.[1];
    return !kinds?.has('error') || !kinds.has('lost');
  });
  expect(without).toEqual([]);
}, 480_000);
