import * as z from 'zod';
import type { Image } from './schemas.ts';

/** Another account or region that may start machines from the images that are published to everyone. */
export const ShareTarget = z
  .strictObject({
    account: z
      .string()
      .regex(/^\d{12}$/, 'twelve digits')
      .describe('The id of the AWS account that may start the images'),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-west-2')
      .optional()
      .meta({ description: 'The region that gets a copy', omitted: 'the region of this deployment, without a copy' }),
    key: z
      .string()
      .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/.+$/, 'the ARN of a KMS key')
      .optional()
      .meta({
        description:
          'The ARN of the KMS key in that region that encrypts the copies. Its policy must let both accounts use it',
        omitted: 'only allowed without `region`',
      }),
  })
  .refine(({ region, key }) => (region === undefined) === (key === undefined), {
    error: 'a region needs a key, and a key a region',
  })
  .refine(({ region, key }) => region === undefined || key?.split(':')[3] === region, {
    error: 'the key must be in the region',
  });
export type ShareTarget = z.infer<typeof ShareTarget>;

/** A machine image as it is in one region: the image of a version, or a copy of it. */
export interface RegionalImage {
  readonly id: string;
  /** The image of this account and region that it is, or is a copy of. */
  readonly source: string;
  readonly region: string;
  readonly isAvailable: boolean;
  /** The accounts that may start machines from it. */
  readonly accounts: readonly string[];
}

export type SharingAction =
  | { readonly do: 'copy'; readonly source: string; readonly region: string; readonly key: string }
  | {
      readonly do: 'allow' | 'revoke';
      readonly region: string;
      readonly id: string;
      readonly accounts: readonly string[];
    }
  | { readonly do: 'delete'; readonly region: string; readonly id: string };

/** The images from which other accounts may start: what everyone starts from, and what projects may still be pinned to. */
const sharedSources = (image: Image): string[] =>
  image.versions.flatMap(version =>
    version.status === 'published' && version.reach !== 'canary' ? [version.build.ami] : [],
  );

const retiredSources = (image: Image): string[] =>
  image.versions.flatMap(({ status, ...version }) =>
    status === 'retired' && 'build' in version && version.build ? [version.build.ami] : [],
  );

/** What has to be done so that the accounts can start from the published versions, and from nothing else. */
export function planSharing(
  image: Image,
  targets: readonly ShareTarget[],
  home: string,
  regionalImages: readonly RegionalImage[],
): SharingAction[] {
  const published = sharedSources(image);
  const places = targets.map(({ account, region = home, key }) => ({ account, region, key }));
  const copies = published.flatMap(source =>
    [...new Map(places.filter(({ region }) => region !== home).map(place => [place.region, place])).values()].flatMap(
      ({ region, key }): SharingAction[] =>
        key === undefined || regionalImages.some(copy => copy.source === source && copy.region === region)
          ? []
          : [{ do: 'copy', source, region, key }],
    ),
  );
  const retired = retiredSources(image);
  const changes = regionalImages.flatMap(({ id, source, region, isAvailable, accounts }): SharingAction[] => {
    if (region !== home && retired.includes(source)) return isAvailable ? [{ do: 'delete', region, id }] : [];
    const entitledAccounts = published.includes(source)
      ? places.flatMap(place => (place.region === region ? [place.account] : []))
      : [];
    const missing = entitledAccounts.filter(account => !accounts.includes(account));
    const surplus = accounts.filter(account => !entitledAccounts.includes(account));
    return [
      ...(isAvailable && missing.length > 0 ? [{ do: 'allow', region, id, accounts: missing } as const] : []),
      ...(surplus.length > 0 ? [{ do: 'revoke', region, id, accounts: surplus } as const] : []),
    ];
  });
  return [...copies, ...changes];
}
