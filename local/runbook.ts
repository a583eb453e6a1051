import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { readConfig, withEveryOption } from '../lib/config.ts';
import { cdkFeatureFlags } from '../lib/flags.ts';
import { renewPage } from '../lib/generated-page.ts';
import { explainAlarms, formatAlarmRunbook, RUNBOOK_MARKER } from '../lib/runbook.ts';
import { createBrochStacks } from '../lib/stacks.ts';
import { repositoryRoot } from './cloud.ts';

// `npm run runbook`: writes the alarms' part of docs/runbook.md from the alarms' own texts.
const file = join(repositoryRoot, 'docs/runbook.md');
const app = new App({ context: cdkFeatureFlags });
createBrochStacks(app, withEveryOption(readConfig(join(repositoryRoot, 'config/production.json'))));
writeFileSync(file, renewPage(readFileSync(file, 'utf8'), RUNBOOK_MARKER, formatAlarmRunbook(app)));
process.stdout.write(`docs/runbook.md: ${explainAlarms(app).length} alarms\n`);
