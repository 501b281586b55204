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

type Short = (typeof TEXTS)[keyof typeof TEXTS];

// The keys of a typed table are its names.
const NAMES = Object.keys(TEXTS) as (keyof typeof TEXTS)[];

/** One template of few pieces: a line is made for each read. */
export function lineOf(record: AuditRecord): string {
  const { time, requestId, id, query, patients } = record;
  const own = `${member('r', requestId)}${member('d', id)}${member('q', query)}`;
  // Ids have no characters that JSON escapes.
  const whose = patients === undefined || patients.length === 0 ? '' : `,"w":"${patients.join(' ')}"`;
  const more = record.morePatients === true ? ',"m":true' : '';
  return `{"t":${time}${own}${common(record)}${whose}${more}}`;
}

function member(name: Short, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${serialise(value)}`;
}

type Holder = Pick<AuditRecord, 'principal' | 'client' | 'user' | 'scope' | 'emergency'>;
type Deed = Pick<AuditRecord, 'status' | 'interaction' | 'outcome' | 'network' | 'type'>;

interface Written<T> {
  readonly of: T;
  readonly text: string;
}

/** What is written of those who asked lately, by their principal: a scope is long, and most that they ask is alike. */
const written = new Map<string, { readonly holder: Written<Holder>; deed: Written<Deed> }>();
const WRITTEN = 1_000;

/** What a line has in common with others of the same holder. */
function common(record: AuditRecord): string {
  const known = written.get(record.principal);
  if (known !== undefined && isSameHolder(known.holder.of, record)) {
    if (!isSameDeed(known.deed.of, record)) known.deed = deedOf(record);
    return known.deed.text + known.holder.text;
  }
  if (written.size >= WRITTEN) written.clear();
  const [deed, holder] = [deedOf(record), holderOf(record)];
  written.set(record.principal, { deed, holder });
  return deed.text + holder.text;
}

function deedOf({ status, interaction, outcome, network, type }: AuditRecord): Written<Deed> {
  const known = status === undefined ? '' : `,"h":${status}`;
  const asked = `${member('i', interaction)}${member('y', type)}${member('o', outcome)}${member('n', network)}`;
  return { of: { status, interaction, outcome, network, type }, text: known + asked };
}

function holderOf({ principal, client, user, scope, emergency }: AuditRecord): Written<Holder> {
  const text = [
    member('p', principal),
    member('c', client),
    member('u', user),
    member('s', scope),
    member('e', emergency),
  ].join('');
  return { of: { principal, client, user, scope, emergency }, text };
}

function isSameHolder(left: Holder, right: Holder): boolean {
  return (
    left.client === right.client &&
    left.user === right.user &&
    left.scope === right.scope &&
    left.emergency === right.emergency
  );
}

function isSameDeed(left: Deed, right: Deed): boolean {
  return (
    left.interaction === right.interaction &&
    left.type === right.type &&
    left.status === right.status &&
    left.outcome === right.outcome &&
    left.network === right.network
  );
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
