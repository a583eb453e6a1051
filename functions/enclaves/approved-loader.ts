import { type Image, type LoaderMeasurements, selectVersion } from '../images/schemas.ts';
import { Refused } from '../refused.ts';

/** The image of the machines that run enclaves. Its versions are built and approved like those of desktops. */
export const PARENT_IMAGE = 'enclave-parent';

/** The machine image that runs of a project start from now, with the measurements of its loader, which somebody approved. */
export function findApprovedLoader(image: Image | undefined, project: string, now: string) {
  const { version, build } = selectVersion(PARENT_IMAGE, image, project, now);
  if (!build.measurements)
    throw new Refused(
      'conflict',
      `Version ${version} of the image ${PARENT_IMAGE} has no measurements on record. Ask your operator to build another: broch image build ${PARENT_IMAGE}.`,
    );
  return { version, ami: build.ami, measurements: build.measurements };
}

const registers = ['pcr0', 'pcr1', 'pcr2'] as const;

/** Refuses a loader that nobody approved, and one that another approved version has replaced. Returns the machine image. */
export function requireApprovedLoader(
  loader: LoaderMeasurements,
  image: Image | undefined,
  project: string,
  now: string,
): string {
  const { version, ami, measurements } = findApprovedLoader(image, project, now);
  const register = registers.find(name => loader[name] !== measurements[name]);
  if (register)
    throw new Refused(
      'conflict',
      `The loader of the manifest is not the approved one: its ${register.toUpperCase()} is ${loader[register]}, and that of version ${version} of the image ${PARENT_IMAGE} is ${measurements[register]}. Propose a run with that loader.`,
    );
  return ami;
}
