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
 * Says how the registry gets an image that it does not hold; undefined if it holds the image. ECR fetches from another
 * registry only when somebody pulls by tag: a pull by digest alone finds nothing.
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
    return `The registry does not hold ${image}. Pull its tag once from outside of the project, so that the registry fetches it: docker pull ${address}/${repository}:<tag>. If that tag has another digest by now, request that one.`;
  }
}
