import * as z from 'zod';
import { UserName } from '../functions/identifiers.ts';
import { FindingPolicy } from '../functions/images/policy.ts';
import { ShareTarget } from '../functions/images/sharing.ts';

/** Images: who changes and who approves them, when they are built again, and on what. */
export const ImagesConfig = z.strictObject({
  authors: z
    .array(UserName)
    .min(1)
    .describe('The user names of everybody who can change recipes of images. They cannot approve images'),
  buildDays: z
    .number()
    .int()
    .min(7)
    .max(365)
    .default(30)
    .describe(
      'Days after which Broch builds a new version of an image that is in use. It also does so after a change of the recipe',
    ),
  windowsServer: z
    .literal([2022, 2025])
    .default(2025)
    .describe(
      'The version of Windows Server that the image `windows-desktop` is built on, 2022 or 2025. AWS can hibernate 2022 only. After a change Broch builds a new version of the image by itself',
    ),
  policy: FindingPolicy.prefault({}),
  sharing: z.array(ShareTarget).max(20).default([]).meta({
    description: 'Other accounts and regions that may start machines from the published images',
    omitted: 'none',
  }),
});

/** The images that AWS hibernates: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html */
export function refuseSleeplessWindows({ workspaces, images }: HibernationChoice, context: z.RefinementCtx): void {
  if (workspaces.hibernate.includes('windows') && images.windowsServer !== 2022)
    context.addIssue({
      code: 'custom',
      path: ['images', 'windowsServer'],
      message: `AWS cannot hibernate Windows Server ${images.windowsServer}. Use 2022, or take windows out of workspaces.hibernate`,
    });
}
interface HibernationChoice {
  readonly workspaces: { readonly hibernate: readonly string[] };
  readonly images: { readonly windowsServer: number };
}
