import { S3Client } from '@aws-sdk/client-s3';

/** All content is checked by its SHA-256, so the client need not check a CRC as well. */
export const s3 = new S3Client({ responseChecksumValidation: 'WHEN_REQUIRED' });
