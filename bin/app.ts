import { App } from 'aws-cdk-lib';
import { readConfig } from '../lib/config.ts';
import { cdkFeatureFlags } from '../lib/flags.ts';
import { createBrochStacks } from '../lib/stacks.ts';

const app = new App({ context: cdkFeatureFlags });
try {
  createBrochStacks(app, readConfig(app.node.tryGetContext('config') ?? 'config/production.json'));
} catch (error) {
  // CDK shows a stack trace for what is thrown here; a mistake in a configuration deserves its sentence only.
  if (!(error instanceof Error) || !error.message.includes('configuration')) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
