import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { buildQueueTemplate } from '../lib/batch.ts';
import { Config, readConfig } from '../lib/config.ts';
import { buildNetworkTemplate } from '../lib/projects.ts';
import { synthesiseApp, type TemplateResource } from './template.ts';

const Price = z.object({
  dollars: z.number().positive(),
  per: z.string(),
  perRotation: z.number().default(0),
  chargedRotations: z.number().default(0),
  source: z.url({ protocol: /^https$/ }),
});
/** List prices, when they were looked up and where. A type that is in neither list fails the test: look its price up. */
const Prices = z.strictObject({
  region: z.string(),
  date: z.iso.date(),
  note: z.string(),
  prices: z.record(z.string(), Price),
  freeOrByUse: z.array(z.string()),
});
const prices = Prices.parse(JSON.parse(readFileSync(join(import.meta.dirname, 'prices.json'), 'utf8')));
const config = readConfig('config/production.json');

const isFree = (type: string) =>
  prices.freeOrByUse.some(free => (free.endsWith('*') ? type.startsWith(free.slice(0, -1)) : type === free));

/** How many of what its price is for a resource is. */
function countUnits({ Type, Properties = {} }: Partial<TemplateResource>): number {
  const { Metrics, Domains } = Properties as { Metrics?: { MetricStat?: object }[]; Domains?: string[] };
  if (Type === 'AWS::CloudWatch::Alarm') return Metrics?.filter(({ MetricStat }) => MetricStat).length ?? 1;
  if (Type === 'AWS::Route53Resolver::FirewallDomainList') return Domains?.length ?? 0;
  return 1;
}

interface IdleCost {
  readonly type: string;
  readonly units: number;
  readonly dollars: number;
  /** At the end of the third year, with the rotations of its key until then. */
  readonly later: number;
}

/** What a resource costs in a month in which nobody uses it. */
function priceIdle(id: string, resource: TemplateResource): IdleCost {
  const { Type: type, Properties = {} } = resource;
  const price = prices.prices[type];
  // Endpoints of the gateway kind are free; interface endpoints cost by the hour and exist only while something runs.
  if (type === 'AWS::EC2::VPCEndpoint') expect(Properties.VpcEndpointType, id).toBe('Gateway');
  else expect(price !== undefined || isFree(type), `what does a ${type} cost when nobody uses it?`).toBe(true);
  const units = countUnits(resource);
  const dollars = (price?.dollars ?? 0) * units;
  const period = Number(Properties.RotationPeriodInDays ?? 365);
  const rotations =
    Properties.EnableKeyRotation === true ? Math.min(price?.chargedRotations ?? 0, Math.floor((3 * 365) / period)) : 0;
  return { type, units, dollars, later: dollars + rotations * (price?.perRotation ?? 0) };
}

/** The sum of templates' idle costs, and a line for each type that costs something. */
function sumIdle(subject: string, templates: readonly Template[]): { dollars: number; later: number } {
  const costs = templates.flatMap(template =>
    Object.entries(template.toJSON().Resources as Record<string, TemplateResource>).map(([id, resource]) =>
      priceIdle(id, resource),
    ),
  );
  const add = (costs: readonly IdleCost[], key: 'units' | 'dollars' | 'later') =>
    costs.reduce((sum, cost) => sum + cost[key], 0);
  const types = [...new Set(costs.flatMap(({ type, dollars }) => (dollars > 0 ? [type] : [])))].sort();
  const lines = types.map(type => {
    const group = costs.filter(cost => cost.type === type);
    return `  ${type}: ${add(group, 'units')} for $${add(group, 'dollars').toFixed(2)}`;
  });
  const [dollars, laterDollars] = [add(costs, 'dollars'), add(costs, 'later')];
  const head = `idle ${subject}: $${dollars.toFixed(2)} a month, $${laterDollars.toFixed(2)} after three years`;
  console.log([`${head} (${prices.region}, prices of ${prices.date})`, ...lines].join('\n'));
  return { dollars, later: laterDollars };
}

describe('an idle month', () => {
  const { templates } = synthesiseApp(config);
  const { template } = buildNetworkTemplate(config);
  const { template: queue } = buildQueueTemplate(config);

  it('costs at most $20 for the platform, even after rotations of its keys', () => {
    expect(sumIdle('platform', Object.values(templates)).later).toBeLessThanOrEqual(20);
  });

  it('costs as much more with the endpoint for SFTP as the description of its setting says', () => {
    const { templates: withSftp } = synthesiseApp({ ...config, ingest: { ...config.ingest, sftp: true } });
    const difference =
      sumIdle('platform with SFTP', Object.values(withSftp)).dollars -
      sumIdle('platform', Object.values(templates)).dollars;
    // The rest of the difference is an alarm.
    expect(Math.floor(difference)).toBe(219);
    expect(Config.shape.ingest.unwrap().shape.sftp.description).toContain('$219 a month');
  });

  it('costs at most $2 for a project, without storage, even after rotations of its key', () => {
    const templates = [template, queue, queue].map(stack => Template.fromStack(stack));
    expect(sumIdle('project with both queues', templates).later).toBeLessThanOrEqual(2);
  });
});

describe('the list of prices', () => {
  it('lists prices of the configured region that are less than a year older than the newest release', () => {
    const [, releaseDate = ''] = /^## \S+ - (\d{4}-\d{2}-\d{2})$/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? [];
    expect(prices.region).toBe(config.region);
    expect(Date.parse(releaseDate) - Date.parse(prices.date)).toBeLessThan(365 * 24 * 3600 * 1000);
  });

  it('prices an alarm by every metric of its expression', () => {
    const metric = { MetricStat: {} };
    const Properties = { Metrics: [{ Expression: 'a + b' }, metric, metric] };
    expect(priceIdle('Sum', { Type: 'AWS::CloudWatch::Alarm', Properties })).toMatchObject({ units: 2, dollars: 0.2 });
    expect(priceIdle('Plain', { Type: 'AWS::CloudWatch::Alarm', Properties: {} })).toMatchObject({ dollars: 0.1 });
  });
});
