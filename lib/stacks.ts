import { type App, CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Airlock } from './airlock.ts';
import { AirlockData } from './airlock-data.ts';
import { Api, People } from './api.ts';
import type { Config } from './config.ts';
import { Core } from './core.ts';
import { Costs, CostsData } from './costs.ts';
import { Ingest, IngestData } from './ingest.ts';
import { Projects } from './projects.ts';
import { Workspaces, WorkspacesData } from './workspaces.ts';

/** What must outlive every change of code: data, keys, people. Nothing here is ever replaced. */
export class DataStack extends Stack {
  readonly core: Core;
  readonly people: People;
  readonly costs: CostsData;
  readonly ingest: IngestData;
  readonly workspaces: WorkspacesData;
  readonly airlock: AirlockData;

  constructor(app: App, id: string, { config, ...props }: StackProps & { config: Config }) {
    super(app, id, { ...props, terminationProtection: true });
    this.core = new Core(this, 'Core', config);
    this.people = new People(this, 'People');
    this.costs = new CostsData(this, 'Costs', { core: this.core });
    this.ingest = new IngestData(this, 'Ingest', { core: this.core });
    this.workspaces = new WorkspacesData(this, 'Workspaces', { core: this.core });
    this.airlock = new AirlockData(this, 'Airlock', { core: this.core });
    outputs(this, {
      Pool: this.people.pool.userPoolId,
      Client: this.people.client.userPoolClientId,
      Webhook: this.costs.webhook.secretArn,
      Landing: this.ingest.landing.bucketName,
      Lake: this.ingest.lake.bucketName,
      Sealed: this.airlock.airlock.bucketName,
      Released: this.airlock.release.bucketName,
      ScanRole: this.airlock.scan.role.roleArn,
      SigningKey: this.airlock.signing.keyArn,
      GatewayKey: this.workspaces.gatewayKey.secretArn,
    });
  }
}

/** What an operator and the command line need to know. */
function outputs(stack: Stack, values: Record<string, string>) {
  for (const [name, value] of Object.entries(values)) new CfnOutput(stack, name, { value });
}

/** Everything that runs. Can be deleted and deployed again without losing anything. */
export class PlatformStack extends Stack {
  constructor(app: App, id: string, { data, ...props }: StackProps & { data: DataStack }) {
    super(app, id, props);
    const { core, people } = data;
    const projects = new Projects(this, 'Projects', { core, people });
    const ingest = new Ingest(this, 'Ingest', { core, data: data.ingest });
    const costs = new Costs(this, 'Costs', { core, data: data.costs });
    const workspaces = new Workspaces(this, 'Workspaces', { core, data: data.workspaces });
    const airlock = new Airlock(this, 'Airlock', { core, data: data.airlock, people });
    const api = new Api(this, 'Api', {
      core,
      people,
      handlers: {
        projects: projects.api,
        ingest: ingest.api,
        costs: costs.api,
        workspaces: workspaces.api,
        airlock: airlock.api.airlock,
        preview: airlock.api.preview,
        download: airlock.api.download,
      },
    });
    outputs(this, { Url: api.url });
  }
}

/** The whole environment of one configuration. */
export function broch(app: App, config: Config): { data: DataStack; platform: PlatformStack } {
  const env = { region: config.region, ...(config.account && { account: config.account }) };
  const name = (part: string) => `broch-${config.environment}-${part}`;
  const data = new DataStack(app, name('data'), { env, config, description: 'Broch: data, keys and people' });
  const platform = new PlatformStack(app, name('platform'), {
    env,
    data,
    description: 'Broch: API, functions and workflows',
  });
  Tags.of(app).add('broch:environment', config.environment);
  return { data, platform };
}
