import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '../lib/config.ts';
import { CONFIGURATION_MARKER, formatConfigurationTable, listConfigurationKeys } from '../lib/configuration-page.ts';
import { renewPage } from '../lib/generated-page.ts';
import { repositoryRoot } from './cloud.ts';

// `npm run configuration`: writes the table of docs/configuration.md from the descriptions in the schema.
const file = join(repositoryRoot, 'docs/configuration.md');
writeFileSync(file, renewPage(readFileSync(file, 'utf8'), CONFIGURATION_MARKER, formatConfigurationTable(Config)));
process.stdout.write(`docs/configuration.md: ${listConfigurationKeys(Config).length} keys\n`);
