import { App } from 'aws-cdk-lib';
import { readConfig } from '../lib/config.ts';
import { cdkFeatureFlags } from '../lib/flags.ts';
import { createBrochStacks } from '../lib/stacks.ts';

const app = new App({ context: cdkFeatureFlags });
try {
  createBrochStacks(app, readConfig(app.node.tryGetContext('config') ?? 'config/production.json'));
} catch (error) {
  // CDK shows a stack trace for every error thrown here. A configuration error needs only its sentence.
  if (!(error instanceof Error) || !error.message.includes('configuration')) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
