import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type Config, readConfig, withEveryOption } from '../lib/config.ts';
import { cdkFeatureFlags } from '../lib/flags.ts';
import { createBrochStacks } from '../lib/stacks.ts';

/** Everything that runs: the resources of all stacks but the data's, as one template. */
const mergeTemplates = (stacks: readonly Stack[]): Template =>
  Template.fromJSON({
    Resources: Object.assign({}, ...stacks.map(stack => Template.fromStack(stack).toJSON().Resources)),
  });

const synthesised = new Map<string, ReturnType<typeof synthesise>>();

function synthesise(config: Config) {
  const app = new App({ context: cdkFeatureFlags });
  const { data, api, events, capabilities, dashboard, gateway } = createBrochStacks(app, config);
  const stacks = { data, api, events, ...capabilities, dashboard, ...(gateway && { gateway }) };
  const running = Object.entries(stacks).flatMap(([name, stack]) => (name === 'data' ? [] : [stack]));
  return { app, stacks, templates: { data: Template.fromStack(data), platform: mergeTemplates(running) } };
}

/**
 * The app of a configuration, in this process; by default with everything that can be turned on. It is made once for each
 * configuration: change nothing of it.
 */
export function synthesiseApp(config: Config = withEveryOption(readConfig('config/production.json'))) {
  const name = JSON.stringify(config);
  const result = synthesised.get(name) ?? synthesise(config);
  synthesised.set(name, result);
  return result;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

/** All resources of a type, by logical id. */
export const findTemplateResources = (template: Template, type: string): [string, TemplateResource][] =>
  Object.entries(template.findResources(type) as Record<string, TemplateResource>);
