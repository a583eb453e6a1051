import { App } from 'aws-cdk-lib';
import flags from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { readConfig } from '../lib/config.ts';
import { broch } from '../lib/stacks.ts';

const app = new App({ context: { ...flags, 'core:defaultCrossStackReferences': 'strong' } });
try {
  broch(app, readConfig(app.node.tryGetContext('config') ?? 'config/production.json'));
} catch (error) {
  // CDK shows a stack trace for what is thrown here; a mistake in a configuration deserves its sentence only.
  if (!(error instanceof Error) || !error.message.includes('configuration')) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
