import { S3Client } from '@aws-sdk/client-s3';

/** Content is judged by its SHA-256 everywhere here, so the client need not check what it reads by a CRC besides. */
export const s3 = new S3Client({ responseChecksumValidation: 'WHEN_REQUIRED' });
