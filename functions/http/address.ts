import type { APIGatewayProxyEventV2WithJWTAuthorizer } from 'aws-lambda';
import { Refused } from '../refused.ts';
import type { Route } from './route.ts';

const segments = (path: string) => path.split('/').filter(segment => segment !== '');

const matches = (template: string, path: readonly string[]): boolean => {
  const parts = segments(template);
  return parts.length === path.length && parts.every((part, index) => part.startsWith('{') || part === path[index]);
};

/** Refuses a request for which the gateway found no route: another method of an address, or an unknown address. */
export function refuseUnknownAddress(
  routes: Readonly<Record<string, Route>>,
  { rawPath, requestContext }: APIGatewayProxyEventV2WithJWTAuthorizer,
): never {
  const [first, ...rest] = segments(rawPath);
  const path = first === requestContext.stage ? rest : segments(rawPath);
  const methods = Object.values(routes).flatMap(route => (matches(route.path, path) ? [route.method] : []));
  if (methods.length === 0)
    throw new Refused('missing', 'This address does not exist. GET /openapi.json lists all addresses.');
  throw new Refused('method', `This address has other methods. Use one of: ${methods.join(', ')}.`, methods);
}
