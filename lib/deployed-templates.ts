import { App } from 'aws-cdk-lib';
import type { ResourceTemplate } from './access-page.ts';
import type { Config } from './config.ts';
import { cdkFeatureFlags } from './flags.ts';
import { buildNetworkTemplate } from './projects.ts';
import { createBrochStacks } from './stacks.ts';

/** The resources of all stacks of a deployment, and those of a project's stack. */
export function synthesiseTemplates(config: Config): ResourceTemplate[] {
  const app = new App({ context: cdkFeatureFlags });
  createBrochStacks(app, config);
  return [app, buildNetworkTemplate(config).app].flatMap(stage =>
    stage.synth().stacks.map(({ template }) => template.Resources as ResourceTemplate),
  );
}
