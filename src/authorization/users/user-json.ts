/** A person as they are shown; never the hash of a password. */
import type { JsonObject } from '../../fhir/format/json.js';
import type { RegisteredUser } from './user.js';

export function userJson(user: RegisteredUser): JsonObject {
  const { subject, login, status, fhirUser, roles, patients, created } = user;
  const since = new Date(created).toISOString();
  return { subject, login, status, fhirUser, roles: [...roles], patients: [...patients], created: since };
}
