import { ECRClient, ImageNotFoundException, RepositoryNotFoundException } from '@aws-sdk/client-ecr';
import { describe, expect, it } from 'vitest';
import { type ContainerCommand, decideContainer } from '../../functions/batch/containers.ts';
import { explainMissingImage } from '../../functions/batch/registry.ts';
import { approvedImage, jobOwner, submissionTime, testImage } from './builders.ts';

const requestedImage = { ...approvedImage, status: 'requested' as const, approved: undefined };
const steward = { id: 'u-stella', name: 'stella' };
const approve = (change: Partial<Extract<ContainerCommand, { do: 'approve' }>> = {}) =>
  decideContainer(
    { container: requestedImage },
    { do: 'approve', by: steward, isMember: false, obstacle: undefined, ...change },
    submissionTime,
  );

describe('the approval of an image', () => {
  it('is recorded when the registry holds it', () =>
    expect(approve().state.container).toMatchObject({ status: 'approved', approved: { by: steward } }));

  it('is refused if the registry does not hold it, and only a person who may approve it reads the reason', () => {
    expect(() => approve({ obstacle: 'The registry does not hold it.' })).toThrow(/does not hold/);
    expect(() => approve({ obstacle: 'The registry does not hold it.', by: jobOwner })).toThrow(/Ask somebody else/);
    expect(() => approve({ isMember: true })).toThrow(/Ask somebody else/);
  });
});

/** A registry that answers with this error, or finds every image. */
function registryWith(error?: Error) {
  const inputs: unknown[] = [];
  const ecr = new ECRClient({ region: 'eu-west-2' });
  ecr.send = async (command: { input: unknown }) => {
    inputs.push(command.input);
    if (error) throw error;
    return {};
  };
  const place = { environment: 'prod', address: '1.dkr.ecr.eu-west-2.amazonaws.com' };
  return { inputs, ask: () => explainMissingImage(ecr, place, testImage) };
}

describe('the registry', () => {
  const answer = { $metadata: {}, message: 'It does not exist.' };

  it('is asked for the digest in the repository of jobs', async () => {
    const { inputs, ask } = registryWith();
    expect(await ask()).toBeUndefined();
    const imageDigest = `sha256:${'a'.repeat(64)}`;
    expect(inputs).toEqual([{ repositoryName: 'broch-prod-jobs/quay/python', imageIds: [{ imageDigest }] }]);
  });

  it.each([new ImageNotFoundException(answer), new RepositoryNotFoundException(answer)])(
    'that does not hold the image gives a sentence with the image and the remedy: %s',
    async error => {
      const text = await registryWith(error).ask();
      expect(text).toContain(testImage);
      expect(text).toContain('docker pull 1.dkr.ecr.eu-west-2.amazonaws.com/broch-prod-jobs/quay/python:<tag>');
    },
  );

  it('that does not answer approves nothing', () =>
    expect(registryWith(new Error('throttled')).ask()).rejects.toThrow('throttled'));
});
