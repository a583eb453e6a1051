import * as z from 'zod';
import { releaseProject } from '../awake/room.ts';

/** What functions need that give leases back. */
export const leaseEnvironment = {
  TABLE_NAME: z.string(),
  AWAKE_STACKS: z.string(),
  AWAKE_ROLE: z.string(),
};
const LeaseEnvironment = z.object(leaseEnvironment);

/** A workspace does not run any more. The last one lets its project sleep. Everything may be repeated. */
export async function releaseWorkspace(
  { TABLE_NAME, AWAKE_STACKS, AWAKE_ROLE }: z.infer<typeof LeaseEnvironment>,
  project: string,
  workspace: string,
): Promise<void> {
  await releaseProject({ table: TABLE_NAME, prefix: AWAKE_STACKS, serviceRole: AWAKE_ROLE }, project, workspace);
}
