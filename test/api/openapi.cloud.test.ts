import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';

const { api } = connectTestCloud();

describe('GET /openapi.json', () => {
  it('is open to anyone and a valid OpenAPI 3.1 document', async () => {
    const answer = await fetch(`${api}/openapi.json`);
    expect(answer.status).toBe(200);
    const document = (await answer.json()) as { openapi: string };
    expect(document.openapi).toBe('3.1.0');
    expect(await new Validator().validate(document)).toMatchObject({ valid: true });
  });
});

describe('without a token', () => {
  it('answers 401 at every other address', async () => {
    expect((await fetch(`${api}/me`)).status).toBe(401);
  });
});
