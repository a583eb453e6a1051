import {
  DescribeImagesCommand,
  type ECRClient,
  ImageNotFoundException,
  RepositoryNotFoundException,
} from '@aws-sdk/client-ecr';
import { repositoryName } from './definition.ts';

export interface Registry {
  readonly environment: string;
  /** Its address, such as 111122223333.dkr.ecr.eu-west-2.amazonaws.com. */
  readonly address: string;
}

/**
 * A sentence that says how to make the registry fetch an image; undefined if the registry holds it. ECR fetches an image from
 * another registry only when somebody pulls it by tag. A pull by digest alone finds nothing.
 */
export async function explainMissingImage(
  ecr: ECRClient,
  { environment, address }: Registry,
  image: string,
): Promise<string | undefined> {
  const [repository, imageDigest] = [repositoryName(environment, image), image.slice(image.indexOf('@') + 1)];
  try {
    await ecr.send(new DescribeImagesCommand({ repositoryName: repository, imageIds: [{ imageDigest }] }));
    return undefined;
  } catch (error) {
    if (!(error instanceof ImageNotFoundException || error instanceof RepositoryNotFoundException)) throw error;
    return `The registry does not hold ${image}. Pull its tag once from outside the project, so that the registry fetches it: docker pull ${address}/${repository}:<tag>. If the tag now has another digest, request that digest.`;
  }
}
