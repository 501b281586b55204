/**
 * Records of the audit log as lines of text: what is stored, hashed, and read again.
 *
 * Invariant: a line is JSON on one line; the same record gives the same line.
 */
import { assert } from '../../base/assert.js';
import { isNumber, isObject, type JsonObject, numberOf } from '../../fhir/format/json.js';
import { parseJson } from '../../fhir/format/parse.js';
import { serialise } from '../../fhir/format/serialise.js';
import type { AuditOutcome, AuditRecord } from '../../ports/audit-log.js';

/** Members that are text, by their short names. */
const TEXTS = {
  requestId: 'r',
  interaction: 'i',
  outcome: 'o',
  principal: 'p',
  client: 'c',
  user: 'u',
  scope: 's',
  emergency: 'e',
  network: 'n',
  type: 'y',
  id: 'd',
  query: 'q',
} as const satisfies Partial<Record<keyof AuditRecord, string>>;

// The keys of a typed table are its names.
const NAMES = Object.keys(TEXTS) as (keyof typeof TEXTS)[];

export function lineOf(record: AuditRecord): string {
  let line = `{"t":${record.time}`;
  if (record.status !== undefined) line += `,"h":${record.status}`;
  for (const name of NAMES) {
    const value = record[name];
    if (value !== undefined) line += `,"${TEXTS[name]}":${serialise(value)}`;
  }
  // Ids have no characters that JSON escapes.
  if (record.patients !== undefined && record.patients.length > 0)
    line += `,"w":"${record.patients.join(' ')}"`;
  return record.morePatients === true ? `${line},"m":true}` : `${line}}`;
}

export function recordOf(line: string): AuditRecord {
  const tree = parseJson(line);
  assert(isObject(tree), 'a line of the audit log is an object');
  const texts: Partial<Record<keyof typeof TEXTS, string>> = {};
  for (const name of NAMES) {
    const value = tree[TEXTS[name]];
    if (typeof value === 'string') texts[name] = value;
  }
  const { requestId = '', interaction = '', outcome = '', principal = '', ...others } = texts;
  const status = numberIn(tree, 'h');
  return {
    time: numberIn(tree, 't') ?? 0,
    requestId,
    interaction,
    outcome: outcome as AuditOutcome, // lineOf wrote it
    principal,
    ...(status === undefined ? {} : { status }),
    ...others,
    ...(typeof tree.w === 'string' ? { patients: tree.w.split(' ') } : {}),
    ...(tree.m === true ? { morePatients: true } : {}),
  };
}

function numberIn(tree: JsonObject, name: string): number | undefined {
  const value = tree[name];
  return isNumber(value) ? numberOf(value) : undefined;
}
