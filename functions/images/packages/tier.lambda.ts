import { IAMClient, TagRoleCommand } from '@aws-sdk/client-iam';
import * as z from 'zod';
import { eventHandler } from '../../handler.ts';
import { PackageTierSet } from './events.ts';
import { PACKAGE_TIER_TAG } from './schemas.ts';
import { readProjectTier } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** The prefix of the names of projects' roles. */
  ROLES: z.string(),
});
const { TABLE_NAME, ROLES } = env.parse(process.env);
const client = new IAMClient({});

/** Writes the tier of a project's packages into the tag of its role, which decides what its desktops can install. */
export const handler = eventHandler(PackageTierSet, async ({ project }) => {
  const { tier } = await readProjectTier(TABLE_NAME, project);
  await client.send(
    new TagRoleCommand({
      RoleName: `${ROLES}${project}-instance`,
      Tags: [{ Key: PACKAGE_TIER_TAG, Value: String(tier) }],
    }),
  );
});
