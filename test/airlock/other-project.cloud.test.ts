import { beforeAll, describe, expect, it } from 'vitest';
import { airlockRoutes } from '../../functions/airlock/routes.ts';
import type { RouteName } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { airlockScene } from './harness.ts';

const { cloud, project, people, bucket, submit } = airlockScene('airlock-routes');
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n' };

describe('a request addressed through another project', () => {
  const token = 'A'.repeat(43);
  const seal = '0'.repeat(64);
  const inputs: Readonly<Record<string, { body?: object; query?: object }>> = {
    editRequest: { body: { title: 'x' } },
    withdrawRequest: { body: { reason: 'x' } },
    viewFile: { query: { path: 'a.csv' } },
    reviewRequest: { body: { verdict: 'approve', seal } },
    returnRequest: { body: { seal, comment: 'x' } },
    revokeRequest: { body: { reason: 'x' } },
    takeDownload: { body: { token } },
    downloadFiles: { body: { token } },
    downloadPart: { body: { token } },
  };
  let wrong: { project: string; request: string };
  beforeAll(async () => {
    const { params } = await submit(files);
    wrong = { ...params, project: await airlockScene.another(cloud, 'airlock-other', people.rana) };
  });

  const routes = Object.entries<Route>(airlockRoutes).filter(([, { path }]) => path.includes('{request}'));
  for (const [name, { callers }] of routes)
    it(`is not found by ${name}`, async () => {
      const members = { researcher: people.rana, reviewer: people.vera, operator: people.olga } as const;
      const groups = callers === 'anyone' ? [] : [...new Set(callers.map(({ group }) => group))];
      expect(groups.length).toBeGreaterThan(0);
      for (const group of groups) {
        const caller = members[group as keyof typeof members];
        const input = { params: wrong, body: {}, ...inputs[name] } as Parameters<typeof caller.call>[1];
        const error = await caller.call(name as RouteName, input).then(
          answer => new Error(`${group} was let in: ${JSON.stringify(answer)}`),
          (error: Error & { problem?: { status?: number } }) => error,
        );
        expect(`${group}: ${error.message}`).toMatch(/There is no request|This release does not exist/);
        expect('problem' in error && error.problem?.status, group).toBe(404);
      }
    });

  it('is tried on every route of a request', () => {
    console.log(`airlock: ${routes.length} routes know no request of another project`);
    expect(routes.length).toBeGreaterThanOrEqual(19);
    expect(bucket()).toContain(project);
  });
});
