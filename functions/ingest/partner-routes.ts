import * as z from 'zod';
import { PagingQuery, pageOf, type Route, staffGrants } from '../http/route.ts';
import { UserName } from '../identifiers.ts';
import { PartnerKeys, PartnerRecord, PartnerTerms } from './partner-schemas.ts';

const routeDefaults = { capability: 'ingest', status: 200, callers: staffGrants } as const;
const name = z.object({ name: UserName });

export const partnerRoutes = {
  registerPartner: {
    ...routeDefaults,
    method: 'PUT',
    path: '/partners/{name}',
    cli: 'partner register',
    summary: 'Register the agreement of a data partner: what they deliver, until when, how often and from where',
    example:
      'partner register petra --organisation Tayside --contact petra@tayside.example --agreement DSA-14 --starts-at 2026-01-01T00:00:00Z --ends-at 2028-01-01T00:00:00Z --datasets admissions',
    params: name,
    body: PartnerTerms,
    returns: PartnerRecord,
  },
  setPartnerKeys: {
    ...routeDefaults,
    method: 'PUT',
    path: '/partners/{name}/keys',
    cli: 'partner keys',
    summary: 'Set the SSH keys with which a data partner signs in by SFTP. They replace all earlier keys',
    example:
      "partner keys petra --keys 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f petra@tayside'",
    params: name,
    body: PartnerKeys,
    returns: PartnerRecord,
  },
  showPartner: {
    ...routeDefaults,
    method: 'GET',
    path: '/partners/{name}',
    cli: 'partner show',
    summary: 'Show the agreement of a data partner, and which deliveries are overdue',
    example: 'partner show petra',
    params: name,
    returns: PartnerRecord,
  },
  listPartners: {
    ...routeDefaults,
    method: 'GET',
    path: '/partners',
    cli: 'partner list',
    summary: 'List the agreements of all data partners',
    example: 'partner list',
    query: PagingQuery,
    returns: pageOf(PartnerRecord),
  },
} as const satisfies Record<string, Route>;
