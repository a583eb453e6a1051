import type { DemoSetup } from '../demo-setup.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { refusalOf } from './refusal.ts';
import { pollUntilSettled } from './until.ts';

const image = 'linux-desktop';
type BuiltImage = typeof image | 'windows-desktop' | 'enclave-parent' | 'batch-gpu';
/** A critical finding that Inspector is played to have on the first candidate. */
const criticalFinding = 'CVE-2021-36159';

/** Starts a build and waits until it awaits approval, or has failed or been rejected. */
async function buildVersion(stage: DemoSetup, image: BuiltImage) {
  const olga = stage.as('olga');
  const { version } = await olga.ask('buildImage', { params: { image } });
  return pollUntilSettled(
    () => olga.ask('showFindings', { params: { image, version } }),
    ({ status }) => !['building', 'testing', 'scanning'].includes(status),
    120,
  );
}

/** Approved by Stella, published to asthma and then to everyone. */
async function publishVersion(stage: DemoSetup, image: BuiltImage, version: number) {
  const [olga, stella] = [stage.as('olga'), stage.as('stella')];
  const params = { image, version } as const;
  const candidate = await stella.ask('showFindings', { params });
  if (candidate.status === 'awaitingApproval')
    await stella.ask('approveImage', { params, body: { digest: candidate.digest } });
  await olga.ask('publishImage', { params, body: { project: 'asthma' } });
  const published = await olga.ask('publishImage', { params, body: {} });
  assertHolds(published.status === 'published', `the version is ${JSON.stringify(published)}`);
  return published.build.ami;
}

/** Builds, approves and publishes a version of an image. */
export async function publishNewVersion(stage: DemoSetup, name: BuiltImage): Promise<string> {
  const { version } = await buildVersion(stage, name);
  return publishVersion(stage, name, version);
}

/** A desktop's image from the recipe to publication; one candidate does not get so far. */
export const tellImages: ChapterTeller = async (stage, tell) => {
  const olga = stage.as('olga');

  await tell('Olga builds an image in which a package has a known vulnerability', async () => {
    stage.played.image = { findings: [criticalFinding] };
    const version = await buildVersion(stage, image);
    stage.played.image = {};
    assertHolds(version.status === 'rejected', `the version is ${JSON.stringify(version)}`);
    return {
      message: `Rejected before anybody had to review it: ${version.reason}\nIts machine and its endpoints are gone, and desktops start from the same version as before.`,
      ids: { imageVersion: String(version.version), finding: criticalFinding },
    };
  });

  const { first } = await tell('The next version passes, and Olga tries to approve it herself', async () => {
    const version = await buildVersion(stage, image);
    assertHolds(version.status === 'awaitingApproval', `the version is ${JSON.stringify(version)}`);
    const params = { image, version: version.version } as const;
    const refusal = await refusalOf(() => olga.ask('approveImage', { params, body: { digest: version.digest } }));
    assertHolds(/started|start/.test(refusal), `the refusal has another reason: ${refusal}`);
    return {
      message: `Refused: ${refusal}`,
      ids: { imageVersion: String(version.version), imageDigest: version.digest },
      first: version.version,
    };
  });

  const { ami } = await tell('Stella approves it; asthma gets it first, then everyone', async () => {
    const ami = await publishVersion(stage, image, first);
    return {
      message: `Her approval is bound to the recipe, the base image, the bill of materials and the findings. From now on desktops start from ${ami}.`,
      ids: { imageVersion: String(first), ami },
      ami,
    };
  });

  await tell('A second version goes out, back and out again', async () => {
    const { version } = await buildVersion(stage, image);
    const second = await publishVersion(stage, image, version);
    const { versions } = await olga.ask('rollBackImage', {
      params: { image },
      body: { reason: 'The browser does not start.' },
    });
    const restored = versions.find(candidate => candidate.status === 'published' && candidate.reach === 'everyone');
    assertHolds(restored?.status === 'published' && restored.build.ami === ami, 'the earlier version is not restored');
    await publishVersion(stage, image, version);
    const { items } = await olga.ask('listImages');
    const current = items.find(item => item.image === image)?.current;
    assertHolds(current?.ami === second, `the current version is ${JSON.stringify(current)}`);
    return {
      message: `One command took it back to version ${first}, for every desktop that starts after it. Version ${current.version} is out again.`,
      ids: { imageVersion: String(current.version), ami: second },
    };
  });

  await tell('The images of Windows desktops and of batch jobs with GPUs go the same way', async () => {
    const [ami, gpuAmi] = await Promise.all([
      publishNewVersion(stage, 'windows-desktop'),
      publishNewVersion(stage, 'batch-gpu'),
    ]);
    return {
      message: `Both are published: Windows desktops start from ${ami}, whose machine was tested by PowerShell, and queues with GPUs start their machines from ${gpuAmi}.`,
      ids: { ami, gpuAmi },
    };
  });

  await tell('Rana needs a Python package, and Stella approves it', async () => {
    const [rana, stella] = [stage.as('rana'), stage.as('stella')];
    const inProject = { params: { project: 'asthma' } };
    await stella.ask('setPackageTier', { ...inProject, body: { tier: 2 } });
    const body = { format: 'pypi', name: 'lifelines', explanation: 'Survival models.' } as const;
    const { tier, format, name } = await rana.ask('requestPackage', { ...inProject, body });
    const refusal = await refusalOf(() => rana.ask('approvePackage', { body: { tier, format, name } }));
    const { status } = await stella.ask('approvePackage', { body: { tier, format, name } });
    assertHolds(status === 'approved', `the package is ${status}`);
    return {
      message: `Rana’s own attempt to approve it is refused: ${refusal}\nStella approves it for all projects of tier ${tier}. Their desktops can install it from the mirror, and nothing that is not on the list.`,
      ids: { package: `${format} ${name}` },
    };
  });
};
