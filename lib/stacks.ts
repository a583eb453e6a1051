import { type App, CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { environmentName } from '../functions/names.ts';
import { Airlock } from './airlock.ts';
import { AirlockData } from './airlock-data.ts';
import { Api, People } from './api.ts';
import { Batch } from './batch.ts';
import type { Config, GatewayConfig } from './config.ts';
import { Core } from './core.ts';
import { Costs, CostsData } from './costs.ts';
import { AlarmDashboard } from './dashboard.ts';
import { Datasets } from './datasets.ts';
import { Enclaves, EnclavesData } from './enclaves.ts';
import { Events } from './events.ts';
import { Gateway } from './gateway.ts';
import { Images, ImagesData } from './images.ts';
import { Ingest, IngestData } from './ingest.ts';
import { MalwareAlarms } from './malware.ts';
import { Packages } from './packages.ts';
import { Projects } from './projects.ts';
import { isFirstDeployment } from './protection.ts';
import { Recordings } from './recordings.ts';
import { explainAlarms } from './runbook.ts';
import { Workspaces } from './workspaces.ts';
import { WorkspacesData } from './workspaces-data.ts';

/** The resources that must outlive changes of code: data, keys, people. None of them may ever be replaced. */
class DataStack extends Stack {
  readonly core: Core;
  readonly people: People;
  readonly costs: CostsData;
  readonly ingest: IngestData;
  readonly images: ImagesData;
  readonly workspaces: WorkspacesData;
  /** Recordings of sessions, if any are made. */
  readonly recordings?: Bucket;
  readonly airlock: AirlockData;
  readonly enclaves: EnclavesData;

  constructor(app: App, id: string, { config, ...props }: StackProps & { config: Config }) {
    super(app, id, { ...props, terminationProtection: !isFirstDeployment(app) });
    this.core = new Core(this, 'Core', config);
    this.people = new People(this, 'People');
    this.costs = new CostsData(this, 'Costs', { core: this.core });
    this.ingest = new IngestData(this, 'Ingest', { core: this.core });
    this.images = new ImagesData(this, 'Images', { core: this.core });
    this.workspaces = new WorkspacesData(this, 'Workspaces', { core: this.core });
    const recording = this.core.config.gateway?.recording;
    if (recording)
      this.recordings = new Recordings(this, 'Recordings', { core: this.core, settings: recording }).bucket;
    this.airlock = new AirlockData(this, 'Airlock', { core: this.core });
    new MalwareAlarms(this, 'Malware', { core: this.core, scans: [this.airlock.scan, this.ingest.scan] });
    this.enclaves = new EnclavesData(this, 'Enclaves', { core: this.core });
    addOutputs(this, {
      Pool: this.people.pool.userPoolId,
      Client: this.people.client.userPoolClientId,
      Webhook: this.costs.webhook.secretArn,
      Landing: this.ingest.landing.bucketName,
      Lake: this.ingest.lake.bucketName,
      Builds: this.images.builds.bucketName,
      Sealed: this.airlock.airlock.bucketName,
      Released: this.airlock.release.bucketName,
      ScanRole: this.airlock.scan.role.roleArn,
      DeliveryScanRole: this.ingest.scan.role.roleArn,
      SigningKey: this.airlock.signing.keyArn,
      Evidence: this.enclaves.evidence.bucketName,
      GatewayKey: this.workspaces.gatewayKey.secretArn,
    });
  }
}

/** The outputs for operators and the command line. */
function addOutputs(stack: Stack, values: Record<string, string>) {
  for (const [name, value] of Object.entries(values)) new CfnOutput(stack, name, { value });
}

/** The HTTP API without the routes of capabilities: each capability adds its routes in its own stack. */
class ApiStack extends Stack {
  readonly api: Api;

  constructor(app: App, id: string, { data, ...props }: StackProps & { data: DataStack }) {
    super(app, id, props);
    this.api = new Api(this, 'Api', { core: data.core, people: data.people });
    addOutputs(this, { Url: this.api.url });
  }
}

/** The construct of each capability. Its stack can be deleted and deployed again without losing data. */
const capabilities: Readonly<Record<string, (stack: Stack, data: DataStack, api: Api) => void>> = {
  projects: (stack, { core, ingest, people }, api) =>
    new Projects(stack, 'Projects', { core, lake: ingest.lake, people, api }),
  ingest: (stack, { core, ingest, people }, api) => {
    const { sftp } = new Ingest(stack, 'Ingest', { core, data: ingest, people, api });
    if (sftp) addOutputs(stack, { Sftp: sftp.host });
  },
  datasets: (stack, { core, ingest, airlock, people }, api) =>
    new Datasets(stack, 'Datasets', {
      core,
      lake: ingest.lake,
      work: ingest.work,
      signing: airlock.signing,
      people,
      api,
    }),
  enclaves: (stack, { core, enclaves, airlock: { release }, people }, api) => {
    const { roles } = new Enclaves(stack, 'Enclaves', { core, data: enclaves, release, people, api });
    addOutputs(stack, { AuditorRole: roles.auditor, OpenerRole: roles.opener });
  },
  costs: (stack, { core, costs, people }, api) => new Costs(stack, 'Costs', { core, data: costs, people, api }),
  workspaces: (stack, { core, workspaces, people }, api) =>
    new Workspaces(stack, 'Workspaces', { core, data: workspaces, people, api }),
  images: (stack, { core, images, people }, api) => {
    new Images(stack, 'Images', { core, data: images, people, api });
    new Packages(stack, 'Packages', { core, people, api });
  },
  batch: (stack, { core, ingest, people }, api) => new Batch(stack, 'Batch', { core, lake: ingest.lake, people, api }),
  airlock: (stack, { core, airlock, people }, api) =>
    new Airlock(stack, 'Airlock', { core, data: airlock, people, api }),
};

export interface BrochStacks {
  readonly data: DataStack;
  readonly api: ApiStack;
  readonly events: Stack;
  /** The stack of each capability. */
  readonly capabilities: Readonly<Record<string, Stack>>;
  readonly dashboard: Stack;
  /** The way into desktops, if the configuration has one. */
  readonly gateway?: Stack;
}

/** All stacks of one environment. Capabilities use the data and the API, and none uses another; the dashboard uses none. */
export function createBrochStacks(app: App, config: Config): BrochStacks {
  const env = { region: config.region, ...(config.account && { account: config.account }) };
  const name = (part: string) => environmentName(config.environment, part);
  const data = new DataStack(app, name('data'), { env, config, description: 'Broch: data, keys and people' });
  const api = new ApiStack(app, name('api'), { env, data, description: 'Broch: the HTTP API' });
  const events = new Stack(app, name('events'), { env, description: 'Broch: publishing of events' });
  new Events(events, 'Events', { core: data.core });
  const stacks = Object.entries(capabilities).map(([word, build]) => {
    const stack = new Stack(app, name(word), { env, description: `Broch: functions and workflows of ${word}` });
    build(stack, data, api.api);
    return [word, stack] as const;
  });
  const gateway = config.gateway && createGateway(app, name('gateway'), { env, data, api, settings: config.gateway });
  const dashboard = new Stack(app, name('dashboard'), { env, description: 'Broch: the dashboard of all alarms' });
  new AlarmDashboard(dashboard, 'Alarms', {
    environment: config.environment,
    alarms: explainAlarms(app),
    words: ['api', 'events', ...Object.keys(capabilities), ...(gateway ? ['gateway'] : [])],
  });
  Tags.of(app).add('broch:environment', config.environment);
  return {
    data,
    api,
    events,
    capabilities: Object.fromEntries(stacks),
    dashboard,
    ...(gateway && { gateway }),
  };
}

function createGateway(
  app: App,
  id: string,
  { data, api, settings, ...props }: StackProps & { data: DataStack; api: ApiStack; settings: GatewayConfig },
): Stack {
  const stack = new Stack(app, id, { ...props, description: 'Broch: the way into desktops' });
  const { network } = new Gateway(stack, 'Gateway', {
    core: data.core,
    settings,
    api: api.api.address,
    key: data.workspaces.gatewayKey,
    recordings: data.recordings,
  });
  addOutputs(stack, { Vpc: network.vpc.attrVpcId, Routes: network.routes.attrRouteTableId });
  return stack;
}
