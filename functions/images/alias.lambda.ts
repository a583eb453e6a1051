import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { eventHandler } from '../handler.ts';
import { ImagePublished, ImageRolledBack } from './events.ts';
import { type ImageName, imageParameter } from './schemas.ts';
import { readImage } from './store.ts';
import { publishedWith } from './versions.ts';

export const env = z.object({ TABLE_NAME: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME } = env.parse(process.env);
const client = new SSMClient({});

async function readAlias(Name: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetParameterCommand({ Name }))).Parameter?.Value;
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
    throw error;
  }
}

const currentAmi = async (image: ImageName) =>
  publishedWith(await readImage(TABLE_NAME, image), 'everyone')[0]?.build.ami;

/**
 * Writes the id of the current version into the parameter of the image, whose versions are the history. It reads the row
 * again after each write, so that of two events at once the last writer sees the last decision. It does not read the
 * parameter again: Parameter Store checks the id first, and shows it some seconds later.
 */
export const handler = eventHandler([ImagePublished, ImageRolledBack], async ({ image, project }) => {
  // Only one project has it: the parameter is for everyone.
  if (project !== undefined) return;
  const Name = imageParameter(image);
  let alias = await readAlias(Name);
  for (let ami = await currentAmi(image); ami && ami !== alias; ami = await currentAmi(image)) {
    await client.send(
      new PutParameterCommand({ Name, Value: ami, Type: 'String', DataType: 'aws:ec2:image', Overwrite: true }),
    );
    alias = ami;
  }
});
