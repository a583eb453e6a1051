import { emptyImage } from '../../functions/images/images.ts';
import { findVersion, summariseImage, withAge } from '../../functions/images/versions.ts';
import {
  approveVersion,
  buildImage,
  daysAfterNoon,
  findingOf,
  follow,
  operatorOlga,
  publishVersion,
  publishWidely,
  runOf,
  withApproved,
} from '../images/lifecycle.ts';

const findings = [findingOf('CVE-2026-1234', 'high', 3), findingOf('CVE-2026-1235', 'low')];
const candidate = follow(emptyImage('linux-desktop'), [buildImage, ...runOf(1, findings)]);
const approvedImage = follow(candidate, [approveVersion(candidate, 1)]);
const image = follow(withApproved(2, approvedImage), [
  ...publishWidely(1),
  ...publishWidely(2),
  publishVersion(3, 'asthma-tayside'),
  {
    do: 'pin',
    by: operatorOlga,
    version: 1,
    project: 'asthma',
    until: daysAfterNoon(30),
    reason: 'A study that runs until the spring.',
  },
  buildImage,
]);
const rejectedImage = follow(candidate, [
  { do: 'reject', by: operatorOlga, version: 1, reason: 'The browser is too old.' },
]);
const failedImage = follow(emptyImage('linux-desktop'), [
  buildImage,
  { do: 'recordFailure', version: 1, attempt: 1, reason: 'The build ended as FAILED.' },
]);
const deprecatedImage = follow(approvedImage, [{ do: 'deprecate', by: operatorOlga, version: 1 }]);
const retiredImage = follow(deprecatedImage, [
  { do: 'retire', by: operatorOlga, version: 1, instances: [], queues: [] },
]);

/** Answers about images in every state. */
export const imageSamples = {
  listImages: { items: [summariseImage(image, daysAfterNoon(40)), summariseImage(failedImage, daysAfterNoon(1))] },
  showImage: { ...image, versions: image.versions.map(version => withAge(version, daysAfterNoon(40))) },
  rollBackImage: image,
  pinImage: image,
  unpinImage: image,
  showFindings: findVersion(candidate, 1),
  buildImage: findVersion(image, 4),
  retestImage: findVersion(failedImage, 1),
  approveImage: findVersion(approvedImage, 1),
  rejectImage: findVersion(rejectedImage, 1),
  publishImage: findVersion(image, 3),
  deprecateImage: findVersion(deprecatedImage, 1),
  retireImage: findVersion(retiredImage, 1),
};
