import { createHash } from 'node:crypto';
import {
  CreateRepositoryCommand,
  ECRClient,
  type ECRClientConfig,
  PutImageCommand,
  RepositoryAlreadyExistsException,
} from '@aws-sdk/client-ecr';

const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 };
const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });

/** An image of which the embedded cloud has the manifest alone: no container is run here. */
export const playedImage = `quay/python@${sha256(manifest)}`;

/** Does what ECR does when somebody pulls the image by its tag for the first time: it makes the repository and keeps the image. */
export async function pullPlayedImage(configuration: ECRClientConfig, environment = 'local'): Promise<void> {
  const ecr = new ECRClient(configuration);
  const repositoryName = `broch-${environment}-jobs/quay/python`;
  try {
    await ecr.send(new CreateRepositoryCommand({ repositoryName })).catch((error: unknown) => {
      if (!(error instanceof RepositoryAlreadyExistsException)) throw error;
    });
    await ecr.send(
      new PutImageCommand({
        repositoryName,
        imageManifest: manifest,
        imageManifestMediaType: mediaType,
        imageTag: '3.12',
      }),
    );
  } finally {
    ecr.destroy();
  }
}
