import { type App, CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Api, People } from './api.ts';
import type { Config } from './config.ts';
import { Core } from './core.ts';

/** What must outlive every change of code: data, keys, people. Nothing here is ever replaced. */
export class DataStack extends Stack {
  readonly core: Core;
  readonly people: People;

  constructor(app: App, id: string, { config, ...props }: StackProps & { config: Config }) {
    super(app, id, { ...props, terminationProtection: true });
    this.core = new Core(this, 'Core', config);
    this.people = new People(this, 'People');
    outputs(this, { Pool: this.people.pool.userPoolId, Client: this.people.client.userPoolClientId });
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
    const api = new Api(this, 'Api', { core, people, handlers: {} });
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
