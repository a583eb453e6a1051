import * as z from 'zod';
import { contract } from '../contract.ts';
import { Sha256 } from '../identifiers.ts';
import { ImageRun, type LoaderMeasurements, Measurement } from './schemas.ts';

const Variables = z.array(z.object({ name: z.string(), value: z.string() }));

/** The event that CodeBuild sends when a build has ended. */
export const BuildEnded = contract(
  'aws.codebuild',
  'CodeBuild Build State Change',
  z.object({
    'project-name': z.string(),
    'build-status': z.string(),
    'additional-information': z.object({
      environment: z.object({ 'environment-variables': Variables.default([]) }),
      logs: z.object({ 'deep-link': z.string().optional() }).optional(),
    }),
  }),
);

/** The run that a build belongs to, from the variables that it was started with. */
export function readBuildVariables(variables: z.infer<typeof Variables>): (ImageRun & { recipe: string }) | undefined {
  const value = (name: string) => variables.find(variable => variable.name === name)?.value;
  return ImageRun.extend({ recipe: Sha256 }).safeParse({
    image: value('BROCH_IMAGE'),
    version: Number(value('BROCH_VERSION')),
    attempt: Number(value('BROCH_ATTEMPT')),
    recipe: value('BROCH_RECIPE'),
  }).data;
}

/** The part of Packer's manifest that names the machine image: `<region>:<ami>`. */
export const PackerManifest = z.object({ builds: z.array(z.object({ artifact_id: z.string() })).min(1) });

/** Thrown at the workflow instead of letting it wait for a build that has ended. */
export class BuildRecorded extends Error {
  override readonly name = 'BuildRecorded';
}

/** Where a build puts what it made; buildspec in lib/image-builder.ts writes there. */
const folderOf = ({ image, version, attempt }: ImageRun) => `builds/${image}/${version}/${attempt}`;
export const manifestKey = (run: ImageRun): string => `${folderOf(run)}/manifest.json`;
export const billKey = (run: ImageRun): string => `${folderOf(run)}/bill-of-materials.json`;
export const measurementsKey = (run: ImageRun): string => `${folderOf(run)}/measurements.json`;

/** What nitro-cli says of an enclave's image. */
const NitroMeasurements = z
  .object({ PCR0: Measurement, PCR1: Measurement, PCR2: Measurement })
  .transform(({ PCR0: pcr0, PCR1: pcr1, PCR2: pcr2 }): LoaderMeasurements => ({ pcr0, pcr1, pcr2 }));
export const readMeasurements = (json: string): LoaderMeasurements => NitroMeasurements.parse(JSON.parse(json));
