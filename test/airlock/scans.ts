/** Files with this in their names are skipped by the double that plays GuardDuty for the tests, as if it never got to them. */
export const neverScanned = 'never-scanned';
