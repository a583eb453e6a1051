import * as z from 'zod';
import { contract } from '../contract.ts';
import { ProjectId } from '../projects/schemas.ts';
import { AmiId, ImageName, VersionNumber } from './schemas.ts';

/** What every event of an image says. `by` is the name of the person, left out if a workflow did it. */
const fact = z.object({
  image: ImageName,
  version: VersionNumber,
  at: z.iso.datetime(),
  by: z.string().optional(),
  reason: z.string().optional(),
  ami: AmiId.optional(),
  project: ProjectId.optional(),
});

const imageContract = (type: string) => contract('broch.images', type, fact);

export const ImageBuildStarted = imageContract('ImageBuildStarted');
export const ImageFailed = imageContract('ImageFailed');
export const ImageRejected = imageContract('ImageRejected');
export const ImageApprovalOpened = imageContract('ImageApprovalOpened');
/** The findings changed after the approval, or the version is tested again. */
export const ImageApprovalVoided = imageContract('ImageApprovalVoided');
export const ImageApproved = imageContract('ImageApproved');
export const ImagePublished = imageContract('ImagePublished');
export const ImageRolledBack = imageContract('ImageRolledBack');
export const ImagePinned = imageContract('ImagePinned');
export const ImageUnpinned = imageContract('ImageUnpinned');
export const ImageDeprecated = imageContract('ImageDeprecated');
export const ImageRetired = imageContract('ImageRetired');
