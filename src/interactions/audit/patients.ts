/**
 * Whose data a stored resource is, for the audit log: the patient itself, or every patient of this server whom it refers
 * to. Found in the stored bytes without parsing them, because every read pays for it.
 *
 * Invariant: whoever is a subject by a literal reference is found, and so is who is referred to otherwise (a parent, a
 * link): rather one too many than one too few. A reference by identifier alone names nobody.
 */
import type { Position, StoredResource } from '../../ports/backend.js';

/** So many patients are listed of one request; that there were more is said. */
export const PATIENT_LIMIT = 100;

/** What each reference begins with; looked for once, and what follows it is then looked at. */
const REFERENCE = Buffer.from('"reference":"');
const PATIENT = 'Patient/';
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const QUOTE = 0x22;
const SLASH = 0x2f;
const HASH = 0x23;

/** `position`: of a stored version, whose bytes never change; absent for what is to be stored. */
export type FindPatients = (
  resource: Pick<StoredResource, 'type' | 'id' | 'bytes'> & { readonly position?: Position },
  found: Set<string>,
) => void;

/**
 * What was found in the versions that were read lately: an app asks for the same ones again and again. No position is given
 * twice, so what is left here of a version that was purged is never told.
 */
const REMEMBERED = 1_024;

interface Referred {
  readonly position: Position;
  readonly patients: readonly string[];
}

/** `baseUrl`: of this server, whose absolute references count too. */
export function patientFinder(baseUrl: string): FindPatients {
  const prefixes = [Buffer.from(PATIENT), Buffer.from(`${baseUrl}/${PATIENT}`)];
  const remembered: (Referred | undefined)[] = Array.from({ length: REMEMBERED });
  return ({ type, id, bytes, position }, found) => {
    if (type === 'Patient') found.add(id);
    const place = (position ?? 0) % REMEMBERED;
    const known = remembered[place];
    if (position !== undefined && known?.position === position) {
      for (const patient of known.patients) found.add(patient);
      return;
    }
    const referred = new Set<string>();
    addReferred(bytes, prefixes, referred);
    for (const patient of referred) found.add(patient);
    if (position !== undefined) remembered[place] = { position, patients: [...referred] };
  };
}

function addReferred(bytes: Buffer, prefixes: readonly Buffer[], found: Set<string>): void {
  let at = bytes.indexOf(REFERENCE);
  while (at >= 0 && found.size <= PATIENT_LIMIT) {
    const start = at + REFERENCE.length;
    for (const prefix of prefixes) {
      if (beginsWith(bytes, prefix, start)) addId(bytes, start + prefix.length, found);
    }
    at = bytes.indexOf(REFERENCE, start);
  }
}

function beginsWith(bytes: Buffer, prefix: Buffer, from: number): boolean {
  for (let at = 0; at < prefix.length; at++) if (bytes[from + at] !== prefix[at]) return false;
  return true;
}

function addId(bytes: Buffer, start: number, found: Set<string>): void {
  const id = bytes.toString('latin1', start, endOfId(bytes, start));
  if (ID.test(id)) found.add(id);
}

function endOfId(bytes: Buffer, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end] !== QUOTE && bytes[end] !== SLASH && bytes[end] !== HASH) end++;
  return end;
}

/** Patients whom a search names: `patient=1`, `subject=Patient/1`, `subject:Patient=1`. */
export function patientsAsked(
  query: readonly (readonly [name: string, value: string])[],
  baseUrl: string,
  found: Set<string>,
): void {
  for (const [name, value] of query) {
    const [base = '', modifier] = name.split(':', 2);
    if (base !== 'patient' && base !== 'subject') continue;
    for (const each of value.split(',')) {
      const text = each.startsWith(`${baseUrl}/`) ? each.slice(baseUrl.length + 1) : each;
      const isTyped = text.startsWith('Patient/');
      const id = isTyped ? text.slice('Patient/'.length) : text;
      if ((isTyped || base === 'patient' || modifier === 'Patient') && ID.test(id)) found.add(id);
    }
  }
}
