const time = '2026-11-28T12:00:00.000Z';
const person = { id: 's-1', name: 'stella' };
const requestedPackage = {
  status: 'requested',
  tier: 2,
  format: 'pypi',
  name: 'lifelines',
  project: 'asthma',
  requestedBy: { id: 'r-1', name: 'rana' },
  requestedAt: time,
  explanation: 'Survival models for the second paper, which compares admissions before and after the new guideline.',
};
const approvedPackage = { ...requestedPackage, status: 'approved', approvedBy: person, approvedAt: time };
const refusedPackage = {
  ...requestedPackage,
  status: 'refused',
  name: '@scope/telemetry',
  format: 'npm',
  refusedBy: person,
  refusedAt: time,
  reason: 'It sends what it reads to its authors.',
};

const revokedPackage = {
  ...approvedPackage,
  status: 'revoked',
  revokedBy: { id: 'o-1', name: 'olga' },
  revokedAt: time,
  reason: 'Its latest release sends what it reads to its authors, and nobody has answered the report of it.',
};
const revokedDataset = { ...revokedPackage, format: 'cran', name: 'survival' };

/** An answer of each route about packages. */
export const packageSamples = {
  requestPackage: requestedPackage,
  listPackages: { items: [requestedPackage, approvedPackage, refusedPackage, revokedPackage, revokedDataset] },
  approvePackage: approvedPackage,
  refusePackage: refusedPackage,
  revokePackage: revokedPackage,
  setPackageTier: { project: 'asthma', tier: 2, by: person, at: time },
};
