import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import type { Capability, Route } from '../../functions/http/route.ts';
import { type Config, readConfig } from '../../lib/config.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const { templates } = synthesiseApp();
interface Resource {
  // biome-ignore lint/suspicious/noExplicitAny: each type of resource has other properties
  readonly Properties: any;
  readonly DependsOn?: string[];
}
const resourcesOf = (type: string) =>
  Object.values(templates).flatMap(template => findTemplateResources(template, type) as [string, Resource][]);

describe('the user pool', () => {
  it('takes names in any case for the same person', () => {
    const pools = resourcesOf('AWS::Cognito::UserPool').map(([, { Properties }]) => Properties.UsernameConfiguration);
    expect(pools).toEqual([{ CaseSensitive: false }]);
  });

  it('lets people change no attribute that anything reads', () => {
    const clients = resourcesOf('AWS::Cognito::UserPoolClient').map(([, { Properties }]) => Properties.WriteAttributes);
    expect(clients).toEqual([['locale']]);
  });
});

describe('the gateway', () => {
  it('takes no more calls a second than the user pool answers, which is asked at each', () => {
    const [[, stage] = ['', undefined]] = resourcesOf('AWS::ApiGatewayV2::Stage');
    // Cognito's default quota for AdminListGroupsForUser (UserResourceRead), which is the lowest of those that a call uses.
    expect(stage?.Properties.DefaultRouteSettings.ThrottlingRateLimit).toBeLessThanOrEqual(50);
  });

  it('limits every route that needs no token by itself, once the route exists', () => {
    const open = Object.values<Route>(routes)
      .filter(({ callers }) => callers === 'anyone')
      .map(({ method, path }) => `${method} ${path}`);
    const [[, stage] = ['', undefined]] = resourcesOf('AWS::ApiGatewayV2::Stage');
    const { RouteSettings, DefaultRouteSettings } = stage?.Properties ?? {};
    expect(Object.keys(RouteSettings)).toEqual(open);
    for (const { ThrottlingRateLimit, ThrottlingBurstLimit } of Object.values<Record<string, number>>(RouteSettings)) {
      expect(ThrottlingRateLimit).toBeLessThanOrEqual(DefaultRouteSettings.ThrottlingRateLimit / 10);
      expect(ThrottlingBurstLimit).toBeLessThanOrEqual(DefaultRouteSettings.ThrottlingBurstLimit / 10);
    }
    const gatewayRoutes = resourcesOf('AWS::ApiGatewayV2::Route')
      .filter(([, { Properties }]) => open.includes(Properties.RouteKey))
      .map(([id]) => id);
    expect(stage?.DependsOn).toEqual(expect.arrayContaining(gatewayRoutes));
  });
});

describe('the concurrency of the API', () => {
  const reservations = (config: Config) =>
    Object.values(synthesiseApp(config).templates).flatMap(template =>
      findTemplateResources(template, 'AWS::Lambda::Function').flatMap(([, { Properties }]) =>
        'ReservedConcurrentExecutions' in Properties
          ? [`${Properties.Description} ${Properties.ReservedConcurrentExecutions}`]
          : [],
      ),
    );
  const production = readConfig('config/production.json');

  it('is shared with the workflows unless configured, as a new account has none to reserve', () =>
    expect(reservations(production)).toEqual([]));

  it('is reserved for each function of a route, and for no other', () => {
    const entries: Partial<Record<Capability, string>> = {
      preview: 'airlock/view',
      download: 'airlock/download',
      packages: 'images/packages/api',
      snapshots: 'workspaces/snapshots',
    };
    const capabilities = new Set(Object.values<Route>(routes).map(({ capability }) => capability));
    const files = [...capabilities].map(name => `functions/${entries[name] ?? `${name}/api`}.lambda.ts 5`);
    expect(reservations({ ...production, api: { concurrency: 5 } }).sort()).toEqual(files.sort());
  });
});

describe('the logs of state machines', () => {
  it('hold no inputs, because inputs contain task tokens', () => {
    const logs = resourcesOf('AWS::StepFunctions::StateMachine').map(
      ([, { Properties }]) => Properties.LoggingConfiguration.IncludeExecutionData,
    );
    expect(logs.length).toBeGreaterThan(3);
    expect(new Set(logs)).toEqual(new Set([false]));
  });
});
