import { castMember } from '../airlock/cast.ts';

/** An agreement over every dataset, under which deliveries without findings are accepted at once. */
export const openAgreement = {
  organisation: 'Tayside Health',
  contact: 'data@tayside.example',
  agreement: 'DSA 2026-14',
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '2126-01-01T00:00:00Z',
  datasets: ['*'],
  acceptance: 'automatic' as const,
};

/** Registers such an agreement for a partner of a test, as the operator whom the tests share. */
export const registerAgreement = (name: string) =>
  castMember('olga').ask('registerPartner', { params: { name }, body: openAgreement });
