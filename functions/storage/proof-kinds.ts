/**
 * Who computed the SHA-256 of an object: S3, when it was uploaded in one request that named this algorithm (`stored`); a
 * function of Broch, which read every byte (`streamed`); or S3 at rest, by a job of Batch Operations (`computed`).
 */
export const proofKinds = ['stored', 'streamed', 'computed'] as const;
export type ProofKind = (typeof proofKinds)[number];
