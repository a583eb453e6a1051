import * as z from 'zod';
import { DEFAULT_PAGE_LIMITS } from '../../disclosure/preview/limits.ts';
import { renderPreview } from '../../disclosure/preview/preview.ts';
import { http } from '../http/http.ts';
import { hasProject, readMembership } from '../membership.ts';
import { readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { objectSource } from '../storage/object-source.ts';
import { requestLoader } from './load-request.ts';
import { readFileReport, readSealManifest } from './manifest-queries.ts';
import { parseAirlockConfig } from './request/airlock-config.ts';
import { roundPrefix } from './request/places.ts';
import { airlockRoutes } from './routes.ts';
import { refuseUnlessScanned } from './steps/malware.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RULES: z.string(),
  POOL_ID: z.string(),
});
const { TABLE_NAME, AIRLOCK_BUCKET, RULES, POOL_ID } = env.parse(process.env);
const { findForReview, viewed } = requestLoader(TABLE_NAME, parseAirlockConfig(RULES));

/**
 * Shows sealed files. It is a separate function because it parses untrusted files: it can release nothing and start
 * nothing.
 */
export const handler = http(
  airlockRoutes,
  'preview',
  {
    async viewFile({ user, params, query: { path, ...start } }) {
      const target = await findForReview(user, params);
      const { request } = target;
      const { round, files, groups } = await readSealManifest(AIRLOCK_BUCKET, request);
      const file = files.find(file => file.path === path);
      if (!file)
        throw new Refused('missing', `There is no file ${path} in the seal of ${request.id}. See broch airlock files.`);
      const report = await readFileReport(AIRLOCK_BUCKET, request, path);
      refuseUnlessScanned(path, report);
      await viewed(user, target, 'A file.', { path, details: start });
      const version = { bucket: AIRLOCK_BUCKET, key: `${roundPrefix({ id: request.id, round })}files/${path}` };
      const source = objectSource({ ...version, version: file.versionId }, file.size);
      const group = groups[file.group];
      const { html, truncated } = await renderPreview({ ...file, group, report }, source, {
        ...DEFAULT_PAGE_LIMITS,
        start,
      });
      return { path, html, truncated };
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
  },
);
