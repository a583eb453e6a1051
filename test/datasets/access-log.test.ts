import { describe, expect, it } from 'vitest';
import { parseAccessLine } from '../../functions/datasets/access-log.ts';

const version = 'a'.repeat(64);
const points = 'arn:aws:s3:eu-west-2:111122223333:accesspoint/broch-prod-';
const reader = 'arn:aws:sts::111122223333:assumed-role/broch-prod-asthma/i-0a1b2c3d4e5f60718';
/** A line as https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html describes it. */
const line = ({
  operation = 'REST.GET.OBJECT',
  key = `datasets/admissions/${version}/data/sub%20folder/a.csv`,
  accessPoint = `${points}asthma-2-1`,
  agent = 'aws-sdk',
  status = '200 -',
} = {}) =>
  `79a59df9 lake [28/Nov/2026:09:05:03 +0000] 10.99.0.12 ${reader} 3E57427F3EXAMPLE ${operation} ${key} "GET /${key} HTTP/1.1" ${status} 45600 45600 70 10 "-" "${agent}" v1 s9lzHYrF= SigV4 ECDHE AuthHeader lake.s3.eu-west-2.amazonaws.com TLSV1.3 ${accessPoint} Yes eu-west-2`;
const parse = (text: string) => parseAccessLine(text, 'admissions', points);

describe('a line of the access log', () => {
  it('says who read which file of which version, when, through which project', () => {
    expect(parse(line())).toEqual({
      at: '2026-11-28T09:05:03.000Z',
      version,
      path: 'data/sub folder/a.csv',
      project: 'asthma-2',
      reader: 'broch-prod-asthma/i-0a1b2c3d4e5f60718',
      address: '10.99.0.12',
      status: 200,
      bytes: 45_600,
    });
  });

  it('names no project without an access point of ours, and tells refused reads', () => {
    for (const accessPoint of ['-', 'arn:aws:s3:eu-west-2:111122223333:accesspoint/other'])
      expect(parse(line({ accessPoint }))?.project).toBeUndefined();
    expect(parse(line({ status: '403 AccessDenied' }))).toMatchObject({ status: 403 });
  });

  it('cannot be shifted by what a reader writes into it', () => {
    for (const agent of ['a b c', 'a \\" b \\"', '[28/Nov/1999:00:00:00 +0000]', ''])
      expect(parse(line({ agent }))).toEqual(parse(line()));
  });

  it.each([
    ['another dataset', line({ key: `datasets/admissions-2/${version}/data/a.csv` })],
    ['another folder', line({ key: `manifests/admissions/${version}` })],
    ['no read', line({ operation: 'REST.PUT.OBJECT' })],
    ['a key that is damaged', line({ key: '%E0%A4%A' })],
    ['an empty line', ''],
    ['half a line', line().slice(0, 60)],
  ])('is left out if it is of %s', (_, text) => expect(parse(text)).toBeUndefined());
});
