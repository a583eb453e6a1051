import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { uploadPolicy } from '../../functions/storage/upload-access.ts';
import { readConfig } from '../../lib/config.ts';
import { buildNetworkTemplate } from '../../lib/projects.ts';
import { synthesiseApp } from '../template.ts';

const production = readConfig('config/production.json');
// CloudFront, and with it the gateway, is in the partition aws only.
const { stacks } = synthesiseApp({ ...production, gateway: undefined, region: 'us-gov-west-1' });
const templates: [string, string][] = [
  ...Object.entries(stacks).map(([name, stack]): [string, string] => [
    name,
    JSON.stringify(Template.fromStack(stack).toJSON()),
  ]),
  ['network', JSON.stringify(Template.fromStack(buildNetworkTemplate(production).template).toJSON())],
];

/** The ARNs of a text, with what surrounds them. */
const arnsOf = (text: string) => [...text.matchAll(/.{0,60}\barn:aws:.{0,60}/g)].map(([match]) => match);

describe('in another partition of AWS', () => {
  it.each(templates)('%s names no resource of the partition aws', (_, template) => {
    expect(template).toMatch(/arn:aws-us-gov:|AWS::Partition|^(?!.*\barn:)/);
    expect(arnsOf(template)).toEqual([]);
  });

  it.each(templates)('%s names no region except its own', (_, template) =>
    // CodeArtifact's buckets of packages have their region in their name, and the policy names all of them.
    expect(
      template
        .replaceAll(/\bassets-\d{12}-[a-z0-9-]+/g, '')
        .match(/\b(?:us|eu|ap|ca|sa|me|af|il)-(?:north|south|east|west|central)\w*-\d\b/g) ?? [],
    ).toEqual([]),
  );

  it('the credentials of an upload name resources of the partition of its key', () => {
    const key = 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1';
    const end = '2026-11-01T09:10:00.000Z';
    const policy = uploadPolicy({ bucket: 'landing', prefix: 'in/', key, region: 'us-gov-west-1', end });
    expect(arnsOf(policy)).toEqual([]);
    expect(policy).toContain('"arn:aws-us-gov:s3:::landing/in/*"');
  });
});
