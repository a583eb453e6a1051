import { assertHolds, type ChapterTeller } from '../story.ts';
import { pollUntilSettled } from './until.ts';

/** Two projects are created at once, each with its own network; then a member is added to one of them. */
export const tellProjects: ChapterTeller = async (stage, tell) => {
  const olga = stage.as('olga');

  await tell('Olga asks for two projects at the same moment', async () => {
    const projects = await Promise.all([
      olga.ask('createProject', { body: { id: 'asthma', title: 'Asthma admissions in Tayside' } }),
      olga.ask('createProject', { body: { id: 'sepsis', title: 'Early warning of sepsis' } }),
    ]);
    return {
      message:
        'Both were taken at once; each gets a network, a key and a bucket of its own from a CloudFormation stack.',
      ids: Object.fromEntries(projects.map(({ id, status }) => [id, status])),
    };
  });

  await tell('Their networks are built', async () => {
    const [asthma, sepsis] = await Promise.all(
      ['asthma', 'sepsis'].map(project =>
        pollUntilSettled(
          () => olga.ask('showProject', { params: { project } }),
          ({ status }) => status !== 'provisioning',
        ),
      ),
    );
    assertHolds(asthma?.status === 'ready', `asthma is ${JSON.stringify(asthma)}`);
    assertHolds(sepsis?.status === 'ready', `sepsis is ${JSON.stringify(sepsis)}`);
    assertHolds(
      asthma.cidr !== sepsis.cidr && asthma.network.vpcId !== sepsis.network.vpcId,
      'two projects share a block or a network',
    );
    assertHolds(
      asthma.network.bucket !== sepsis.network.bucket && asthma.network.keyArn !== sepsis.network.keyArn,
      'two projects share a bucket or a key',
    );
    return {
      message: `asthma lives in ${asthma.cidr}, sepsis in ${sepsis.cidr}: no internet, no way from one to the other.`,
      ids: {
        asthma_vpc: asthma.network.vpcId,
        sepsis_vpc: sepsis.network.vpcId,
        asthma_bucket: asthma.network.bucket,
        sepsis_bucket: sepsis.network.bucket,
      },
    };
  });

  await tell('Olga makes Rana the lead of asthma', async () => {
    const member = await olga.ask('addMember', {
      params: { project: 'asthma', name: 'rana' },
      body: { roles: ['lead', 'researcher'] },
    });
    return { message: 'From now on Rana can see asthma. For her, sepsis does not exist.', ids: { rana: member.user } };
  });
};
