import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { readConfig } from '../lib/config.ts';
import { cdkFeatureFlags } from '../lib/flags.ts';
import { alarms, renewed } from '../lib/runbook.ts';
import { broch } from '../lib/stacks.ts';
import { repositoryRoot } from './cloud.ts';

// `npm run runbook`: writes the part of docs/runbook.md that the alarms' own words make.
const file = join(repositoryRoot, 'docs/runbook.md');
const app = new App({ context: cdkFeatureFlags });
broch(app, readConfig(join(repositoryRoot, 'config/production.json')));
writeFileSync(file, renewed(readFileSync(file, 'utf8'), app));
process.stdout.write(`docs/runbook.md: ${alarms(app).length} alarms\n`);
