import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { RunCompleted } from '../enclaves/events.ts';
import { outputsPrefix } from '../enclaves/schemas.ts';
import { eventHandler } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { readRow } from '../table.ts';
import { parseAirlockConfig } from './request/airlock-config.ts';
import { draftRequest } from './request/requester-commands.ts';
import { createRequest } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const rules = parseAirlockConfig(RULES);

/**
 * Drafts the request for the outputs of an enclave run, in the name of the person who proposed the run. They describe the
 * files and submit it like every other request. The request has the number of the run, so a repeated event finds it.
 */
export const handler = eventHandler(RunCompleted, async ({ run, project, request: id, requester }) => {
  if (await readRow(TABLE_NAME, z.object({ id: z.string() }), rowKey('airlock', id))) return;
  const now = currentTime();
  const draft = {
    id,
    project,
    title: `Outputs of the enclave run ${run}`,
    direction: 'export',
    source: outputsPrefix(run),
    groups: [
      {
        name: 'outputs',
        kind: 'table',
        purpose: 'Files that the code of the run wrote.',
        context: `The enclave signed them: broch enclave evidence ${project} ${run}.`,
        controls: '',
        paths: ['**'],
      },
    ],
    recipient: undefined,
  } as const;
  const decision = draftRequest(
    { ...draft, groups: draft.groups.map(group => ({ ...group, paths: [...group.paths] })) },
    { id: requester.id, name: requester.name, groups: [] },
    now,
    { rules },
  );
  await createRequest(TABLE_NAME, decision, now, id);
});
