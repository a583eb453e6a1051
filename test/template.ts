import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type Config, readConfig } from '../lib/config.ts';
import { cdkFeatureFlags } from '../lib/flags.ts';
import { broch } from '../lib/stacks.ts';

/** The app of a configuration, in this process. */
export function synthesiseApp(config: Config = readConfig('config/production.json')) {
  const app = new App({ context: cdkFeatureFlags });
  const { data, platform } = broch(app, config);
  return { app, data, platform, templates: { data: Template.fromStack(data), platform: Template.fromStack(platform) } };
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

/** All resources of a type, by logical id. */
export const findTemplateResources = (template: Template, type: string): [string, TemplateResource][] =>
  Object.entries(template.findResources(type) as Record<string, TemplateResource>);
