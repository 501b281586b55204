/**
 * A record of the audit log as an AuditEvent, in the shapes that IHE's Basic Audit Log Patterns give such events.
 * https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP/content.html
 *
 * Where it differs: a request that tells of several patients makes one event with an entity for each of them, not an event
 * per patient; scopes stand as policies of the agent who asked.
 *
 * Invariant: the event follows from the record and its chain alone, so whoever makes it again gets the same.
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import {
  type AuditChainFacts,
  type AuditOutcome,
  type AuditRecord,
  auditEventId,
} from '../../ports/audit-log.js';
import { securityEvent } from './security-events.js';

const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
const SOURCE = coding(DICOM, '110153', 'Source Role ID');
const DESTINATION = coding(DICOM, '110152', 'Destination Role ID');
const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const OBJECT_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';
const REST = coding('http://terminology.hl7.org/CodeSystem/audit-event-type', 'rest', 'RESTful Operation');
const RECIPIENT = coding(
  'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  'IRCP',
  'information recipient',
);
const EMERGENCY = coding('http://terminology.hl7.org/CodeSystem/v3-ActReason', 'BTG', 'break the glass');
const REQUEST_ID = coding(
  'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
  'XrequestId',
  'X-Request-Id',
);

interface Kind {
  /** https://hl7.org/fhir/R4/valueset-audit-event-action.html */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** https://hl7.org/fhir/R4/codesystem-restful-interaction.html */
  readonly codes: readonly string[];
  /** What flows flows from the server to the client. */
  readonly sends?: true;
}

/** By the names of the table of routes. */
const KINDS: Readonly<Record<string, Kind>> = {
  read: { action: 'R', codes: ['read'], sends: true },
  vread: { action: 'R', codes: ['vread'], sends: true },
  'history-instance': { action: 'R', codes: ['history-instance'], sends: true },
  'history-type': { action: 'R', codes: ['history-type'], sends: true },
  'history-system': { action: 'R', codes: ['history-system'], sends: true },
  'search-type': { action: 'E', codes: ['search', 'search-type'] },
  'search-compartment': { action: 'E', codes: ['search', 'search-type'] },
  'search-system': { action: 'E', codes: ['search', 'search-system'] },
  create: { action: 'C', codes: ['create'] },
  update: { action: 'U', codes: ['update'] },
  patch: { action: 'U', codes: ['patch'] },
  delete: { action: 'D', codes: ['delete'] },
  purge: { action: 'D', codes: ['operation'] },
  'conditional-update': { action: 'U', codes: ['update'] },
  'conditional-patch': { action: 'U', codes: ['patch'] },
  'conditional-delete': { action: 'D', codes: ['delete'] },
  bundle: { action: 'E', codes: ['batch'] },
  capabilities: { action: 'R', codes: ['capabilities'], sends: true },
  'job-cancel': { action: 'D', codes: ['operation'] },
  'job-file': { action: 'R', codes: ['operation'], sends: true },
  none: { action: 'E', codes: [] },
};
const OPERATION: Kind = { action: 'E', codes: ['operation'] };

/** https://hl7.org/fhir/R4/valueset-audit-event-outcome.html */
const OUTCOMES: Readonly<Record<AuditOutcome, string>> = { success: '0', refused: '4', error: '8' };

export function auditEvent(chain: AuditChainFacts, sequence: number, record: AuditRecord): ResourceObject {
  const { interaction, time, outcome, status, emergency } = record;
  const { action, type, subtype } = kindOf(interaction);
  return {
    resourceType: 'AuditEvent',
    id: auditEventId(chain, sequence),
    type,
    ...(subtype.length === 0 ? {} : { subtype }),
    action,
    recorded: formatInstant(time),
    outcome: OUTCOMES[outcome],
    ...(status === undefined ? {} : { outcomeDesc: `HTTP status ${status}` }),
    ...(emergency === undefined ? {} : { purposeOfEvent: [{ coding: [EMERGENCY], text: emergency }] }),
    agent: agentsOf(chain, record),
    source: {
      observer: { identifier: uri(chain.site) },
      type: [coding('http://terminology.hl7.org/CodeSystem/security-source-type', '4', 'Application Server')],
    },
    entity: entitiesOf(record),
  };
}

function kindOf(interaction: string): {
  readonly action: Kind['action'];
  readonly type: JsonObject;
  readonly subtype: JsonObject[];
} {
  const security = securityEvent(interaction);
  if (security !== undefined) return { ...security, subtype: [security.subtype] };
  const { action, codes } = routeKind(interaction) ?? OPERATION;
  const subtype = codes.map((code) => coding('http://hl7.org/fhir/restful-interaction', code, code));
  return { action, type: REST, subtype };
}

/** What stands in a log may be any text. */
function routeKind(interaction: string): Kind | undefined {
  return Object.hasOwn(KINDS, interaction) ? KINDS[interaction] : undefined;
}

/** The two pieces of its stored JSON, see PreparedResource. */
export function auditEventPieces(
  chain: AuditChainFacts,
  sequence: number,
  record: AuditRecord,
): { readonly metaRest: string; readonly rest: string } {
  const { resourceType: _type, id: _id, ...others } = auditEvent(chain, sequence, record);
  return { metaRest: '', rest: `,${serialise(others).slice(1)}` };
}

function agentsOf({ site }: AuditChainFacts, record: AuditRecord): JsonObject[] {
  const { interaction, principal, client, user, scope, network } = record;
  const sends = routeKind(interaction)?.sends === true;
  const policy = scope === undefined ? {} : { policy: scope.split(' ').filter((each) => each !== '') };
  const isPerson = user !== undefined;
  const agents: JsonObject[] = [
    {
      type: { coding: [sends ? DESTINATION : SOURCE] },
      who: { identifier: { value: client ?? principal } },
      requestor: !isPerson,
      ...(isPerson ? {} : policy),
      ...(network === undefined ? {} : { network: { address: network, type: '2' } }),
    },
    {
      type: { coding: [sends ? SOURCE : DESTINATION] },
      who: { identifier: uri(site) },
      requestor: false,
      network: { address: site, type: '5' },
    },
  ];
  if (isPerson) agents.push({ type: { coding: [RECIPIENT] }, who: whoOf(user), requestor: true, ...policy });
  return agents;
}

/** A resource of this server, or a name at the identity provider. */
function whoOf(user: string): JsonObject {
  return /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(user)
    ? { reference: user }
    : { identifier: { value: user } };
}

function entitiesOf(record: AuditRecord): JsonObject[] {
  const { requestId, patients = [], morePatients } = record;
  const thing = coding(ENTITY_TYPE, '2', 'System Object');
  const object = objectOf(record, thing);
  const persons = patients.map((id) => ({
    what: { reference: `Patient/${id}` },
    type: coding(ENTITY_TYPE, '1', 'Person'),
    role: coding(OBJECT_ROLE, '1', 'Patient'),
  }));
  const more =
    morePatients === true
      ? [{ type: thing, description: 'Data of more patients than are listed here.' }]
      : [];
  return [...object, ...persons, ...more, { what: { identifier: { value: requestId } }, type: REQUEST_ID }];
}

/** What was asked for: a resource, or a query with where it was put. */
function objectOf({ interaction, type, id, query }: AuditRecord, thing: JsonObject): JsonObject[] {
  const what = type !== undefined && id !== undefined ? [{ what: { reference: `${type}/${id}` } }] : [];
  if (type === undefined && id !== undefined) {
    return [{ what: { identifier: { value: id } }, type: thing, role: coding(OBJECT_ROLE, '20', 'Job') }];
  }
  const resources = what.map((each) => ({
    ...each,
    type: thing,
    role: coding(OBJECT_ROLE, '4', 'Domain Resource'),
  }));
  const isQuery = interaction.startsWith('search') || interaction.startsWith('$');
  if (!isQuery && query === undefined) return resources;
  const path = [type, id, interaction.startsWith('$') ? interaction : undefined].filter(
    (part) => part !== undefined,
  );
  const url = `${path.join('/')}${query === undefined ? '' : `?${query}`}`;
  const names = [...new Set([...new URLSearchParams(query ?? '').keys()])];
  return [
    ...resources,
    {
      type: thing,
      role: coding(OBJECT_ROLE, '24', 'Query'),
      description: `${path.join('/')}${names.length === 0 ? '' : ` by ${names.join(', ')}`}` || 'all types',
      query: Buffer.from(url).toString('base64') || Buffer.from('/').toString('base64'),
    },
  ];
}

function uri(value: string): JsonObject {
  return { system: 'urn:ietf:rfc:3986', value: value === '' ? 'urn:fairway' : value };
}

function coding(system: string, code: string, display: string): JsonObject {
  return { system, code, display };
}
