import { expect, it } from 'vitest';
import { holdCall, watchCalls } from '../faults.ts';
import { airlockScene } from './harness.ts';

const { cloud, project, people, submit, settle } = airlockScene('airlock-turns');
const files = { 'counts.csv': 'area,n\nNorth,3000\nSouth,5000\n' };

it('a person submits no more requests at the same time than are allowed, and the next once one is checked', async () => {
  const body = { settings: { caps: { personChecks: 1 } }, reason: 'a test', confirm: true };
  await people.olga.ask('changeSettings', { params: { project }, body });
  const watch = await watchCalls(cloud, project, [holdCall('airlock/steps/plan.lambda.ts')]);
  const { params } = await submit(files);
  await expect(submit(files)).rejects.toThrow(/^1 of your requests is being checked\. Submit al-\w+ when one of them/);
  await watch.end();
  await settle(params, ['inReview']);
  const { params: nextParams } = await submit(files);
  await settle(nextParams, ['inReview']);
});
