/** SearchParameters and patients for tests. */
import { expect } from 'vitest';
import type { JsonObject } from '../../fhir/format/json.js';
import type { Answer, World } from '../testing.js';

export const URL = 'http://example.org/fhir/SearchParameter';

export function parameter(more: JsonObject = {}): JsonObject {
  return {
    resourceType: 'SearchParameter',
    url: `${URL}/nick`,
    name: 'nick',
    status: 'active',
    description: 'Nickname',
    code: 'nick',
    base: ['Patient'],
    type: 'string',
    expression: "Patient.name.where(use = 'nickname').given",
    ...more,
  };
}

export function patient(nick: string, more: JsonObject = {}): JsonObject {
  return { resourceType: 'Patient', name: [{ use: 'nickname', given: [nick] }], ...more };
}

export async function put(world: World, id: string, body: JsonObject): Promise<Answer> {
  const answer = await world.ask(`PUT ${String(body.resourceType)}/${id}`, { body: { ...body, id } });
  expect([200, 201], answer.text).toContain(answer.status);
  return answer;
}
