import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from '../functions/api/routes.ts';
import { ACCESS_MARKER, formatAccess, listEndpoints } from '../lib/access-page.ts';
import { readConfig, withEveryOption } from '../lib/config.ts';
import { synthesiseTemplates } from '../lib/deployed-templates.ts';
import { renewPage } from '../lib/generated-page.ts';
import { repositoryRoot } from './cloud.ts';

// `npm run access`: writes the tables of docs/access.md from the routes and the templates.
const file = join(repositoryRoot, 'docs/access.md');
const templates = synthesiseTemplates(withEveryOption(readConfig(join(repositoryRoot, 'config/production.json'))));
writeFileSync(file, renewPage(readFileSync(file, 'utf8'), ACCESS_MARKER, formatAccess(routes, templates)));
const endpoints = listEndpoints(templates).length;
process.stdout.write(`docs/access.md: ${Object.keys(routes).length} routes, ${endpoints} endpoints\n`);
