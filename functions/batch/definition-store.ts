import { type BatchClient, DescribeJobDefinitionsCommand, RegisterJobDefinitionCommand } from '@aws-sdk/client-batch';
import {
  buildDefinition,
  type DefinitionPlace,
  type DefinitionRequest,
  definitionName,
  type JobUse,
} from './definition.ts';

/** Jobs with one image on one queue share a definition. */
const definitions = new Map<string, string>();

/** The ARN of the definition by which an image of a project runs. It is registered by the first that needs it. */
export async function findDefinition(
  batch: BatchClient,
  place: DefinitionPlace,
  project: string,
  request: DefinitionRequest,
  use: JobUse,
): Promise<string> {
  const name = definitionName(place, project, request, use);
  const cachedArn = definitions.get(name);
  if (cachedArn !== undefined) return cachedArn;
  const { jobDefinitions = [] } = await batch.send(
    new DescribeJobDefinitionsCommand({ jobDefinitionName: name, status: 'ACTIVE' }),
  );
  const arn =
    jobDefinitions[0]?.jobDefinitionArn ??
    (await batch.send(new RegisterJobDefinitionCommand(buildDefinition(place, project, request, use))))
      .jobDefinitionArn;
  if (arn === undefined) throw new Error(`AWS Batch gave the definition ${name} no ARN`);
  definitions.set(name, arn);
  return arn;
}
