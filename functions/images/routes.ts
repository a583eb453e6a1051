import * as z from 'zod';
import { type Route, staffGrants } from '../http/route.ts';
import { Sha256 } from '../identifiers.ts';
import { PlainText } from '../plain-text.ts';
import { ProjectId } from '../projects/schemas.ts';
import { ImageName, ImageSummary, ImageVersionView, ImageView } from './schemas.ts';

const operators = [{ group: 'operator' }] as const;
const image = z.object({ image: ImageName });
const version = image.extend({ version: z.coerce.number().int().min(1).max(99_999) });
const Reason = PlainText.min(1).max(1000).describe('why, for the record');

const path = '/images/{image}/versions/{version}';
const imageRoute = { capability: 'images', params: image, returns: ImageView, status: 200 } as const;
const versionRoute = { capability: 'images', params: version, returns: ImageVersionView, status: 200 } as const;

export const imagesRoutes = {
  listImages: {
    method: 'GET',
    path: '/images',
    capability: 'images',
    cli: 'image list',
    status: 200,
    callers: [...staffGrants, { group: 'researcher' }],
    summary: 'List the images, with the age of the version that desktops start from',
    example: 'image list',
    returns: z.object({ items: z.array(ImageSummary) }),
  },
  showImage: {
    ...imageRoute,
    method: 'GET',
    path: '/images/{image}',
    cli: 'image show',
    callers: staffGrants,
    summary: 'Show an image with its versions and pins',
    example: 'image show linux-desktop',
  },
  showFindings: {
    ...versionRoute,
    method: 'GET',
    path,
    cli: 'image findings',
    callers: staffGrants,
    summary: 'Show a version of an image, its findings, and the digest that an approval names',
    example: 'image findings linux-desktop 3',
  },
  buildImage: {
    ...versionRoute,
    method: 'POST',
    path: '/images/{image}/versions',
    cli: 'image build',
    status: 202,
    callers: operators,
    summary: 'Build a new version of an image from its recipe',
    example: 'image build linux-desktop',
    params: image,
  },
  retestImage: {
    ...versionRoute,
    method: 'POST',
    path: `${path}/retest`,
    cli: 'image retest',
    status: 202,
    callers: operators,
    summary: 'Test and scan a version again; changed findings make its approval void',
    example: 'image retest linux-desktop 3',
  },
  approveImage: {
    ...versionRoute,
    method: 'POST',
    path: `${path}/approve`,
    cli: 'image approve',
    callers: staffGrants,
    summary: 'Approve a version that somebody else built',
    example: `image approve linux-desktop 3 --digest ${'0'.repeat(64)}`,
    body: z.object({
      digest: Sha256.describe('the digest that broch image findings shows'),
      reason: Reason.optional().describe('why you accept what was not scanned for malware; needed only then'),
    }),
  },
  rejectImage: {
    ...versionRoute,
    method: 'POST',
    path: `${path}/reject`,
    cli: 'image reject',
    callers: staffGrants,
    summary: 'Reject a version that is not published',
    example: "image reject linux-desktop 3 --reason 'The browser is too old.'",
    body: z.object({ reason: Reason }),
  },
  publishImage: {
    ...versionRoute,
    method: 'POST',
    path: `${path}/publish`,
    cli: 'image publish',
    callers: operators,
    summary: 'Publish an approved version: to one project first, then without --project to everyone',
    example: 'image publish linux-desktop 3 --project asthma',
    body: z.object({ project: ProjectId.optional().describe('the project that tries it; left out: everyone') }),
  },
  rollBackImage: {
    ...imageRoute,
    method: 'POST',
    path: '/images/{image}/rollback',
    cli: 'image rollback',
    callers: operators,
    summary: 'Undo the last publication of an image, for all desktops that start from now on',
    example: "image rollback linux-desktop --reason 'The browser does not start.'",
    body: z.object({ reason: Reason }),
  },
  pinImage: {
    ...imageRoute,
    method: 'POST',
    path: '/images/{image}/pins/{project}',
    cli: 'image pin',
    callers: operators,
    summary: 'Keep a published version for a project until a date',
    example: "image pin linux-desktop asthma --version 2 --until 2027-03-31 --reason 'A running study.'",
    params: image.extend({ project: ProjectId }),
    body: z.object({
      version: z.coerce.number().int().min(1).max(99_999),
      until: z.iso.date().describe('the day on which the project returns to the published version'),
      reason: Reason,
    }),
  },
  unpinImage: {
    ...imageRoute,
    method: 'POST',
    path: '/images/{image}/pins/{project}/unpin',
    cli: 'image unpin',
    callers: operators,
    summary: 'End the pin of a project: it starts from the published version again',
    example: "image unpin linux-desktop asthma --reason 'The study has ended.'",
    params: image.extend({ project: ProjectId }),
    body: z.object({ reason: Reason }),
  },
  deprecateImage: {
    ...versionRoute,
    method: 'POST',
    path: `${path}/deprecate`,
    cli: 'image deprecate',
    callers: operators,
    summary: 'Let nobody start from a replaced version any more',
    example: 'image deprecate linux-desktop 2',
  },
  retireImage: {
    ...versionRoute,
    method: 'POST',
    path: `${path}/retire`,
    cli: 'image retire',
    callers: operators,
    summary: 'Delete a version that is deprecated, rejected or failed and that no machine runs from',
    example: 'image retire linux-desktop 2',
  },
} as const satisfies Record<string, Route>;
