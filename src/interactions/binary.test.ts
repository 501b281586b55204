import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './testing.js';

let world: World;
const PIXELS = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255]);

beforeAll(async () => {
  world = await openWorld();
  await world.ask('PUT Binary/b1', {
    body: PIXELS,
    headers: { 'content-type': 'image/png', 'x-security-context': 'Patient/p1' },
  });
});
afterAll(() => world.close());

describe('Binary', () => {
  it('is stored as a resource with its content in base64', async () => {
    const { json } = await world.ask('GET Binary/b1');
    expect(json).toMatchObject({
      resourceType: 'Binary',
      contentType: 'image/png',
      data: PIXELS.toString('base64'),
      securityContext: { reference: 'Patient/p1' },
    });
  });

  it.each(['image/png', 'image/*', 'image/png, */*;q=0.1'])(
    'goes out as it is to Accept: %s',
    async (accept) => {
      const answer = await world.ask('GET Binary/b1', { headers: { accept } });
      expect(answer.status).toBe(200);
      expect(answer.bytes.equals(PIXELS)).toBe(true);
      expect(answer.headers).toMatchObject({
        'content-type': 'image/png',
        'x-content-type-options': 'nosniff',
        'content-security-policy': 'sandbox',
        'x-security-context': 'Patient/p1',
        etag: 'W/"1"',
      });
    },
  );

  it.each(['*/*', 'application/fhir+json', 'text/html, */*'])(
    'goes out as a resource to Accept: %s',
    async (accept) => {
      const answer = await world.ask('GET Binary/b1', { headers: { accept } });
      expect([answer.status, answer.json.resourceType]).toEqual([200, 'Binary']);
    },
  );

  it('is 406 where neither form is accepted', async () => {
    expect((await world.ask('GET Binary/b1', { headers: { accept: 'application/pdf' } })).status).toBe(406);
  });

  it('takes FHIR JSON as the resource', async () => {
    const body = { resourceType: 'Binary', contentType: 'text/plain', data: 'aGk=' };
    const headers = { 'content-type': 'application/fhir+json' };
    const { json } = await world.ask('POST Binary', { body, headers });
    const raw = await world.ask(`GET Binary/${json.id}`, { headers: { accept: 'text/plain' } });
    expect(raw.text).toBe('hi');
  });
});
