import { describe, expect, it } from 'vitest';
import { isGoneObject, isMissingObject } from '../../functions/storage/object-read.ts';

const refusal = (name: string, message = 'refused') => Object.assign(new Error(message), { name });
const user = 'User: arn:aws:sts::111122223333:assumed-role/verify/verify is not authorized to perform:';

describe('a version that is gone', () => {
  it.each([
    refusal('NoSuchKey'),
    refusal('NoSuchVersion'),
    refusal('AccessDenied', 'Access Denied'),
    refusal('AccessDenied', `${user} s3:ListBucket on resource: "arn:aws:s3:::lake" because no policy allows it`),
  ])('is recognised by $name: $message', error => expect(isGoneObject(error)).toBe(true));

  it.each([
    refusal('AccessDenied', `${user} s3:GetObject on resource: "arn:aws:s3:::lake/a" because no policy allows it`),
    refusal('AccessDenied', `${user} s3:GetObjectVersion because no identity-based policy allows it`),
    refusal('AccessDenied', `${user} kms:Decrypt on this resource because the resource does not exist`),
    refusal('SlowDown'),
    'NoSuchKey',
  ])('is not what a missing right is: %s', error => expect(isGoneObject(error)).toBe(false));

  it('is never concluded from a refusal where something is deleted', () =>
    expect(isMissingObject(refusal('AccessDenied', 'Access Denied'))).toBe(false));
});
