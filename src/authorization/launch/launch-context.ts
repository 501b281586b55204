/**
 * The context that an app is opened with, and what the EHR's request for a launch must look like.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token
 */
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';

export interface LaunchContext {
  readonly patient?: string;
  readonly encounter?: string;
  readonly fhirContext?: readonly FhirContextItem[];
  readonly intent?: string;
  readonly needPatientBanner?: boolean;
  readonly smartStyleUrl?: string;
  readonly tenant?: string;
}

/** One of the three names the resource. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#fhircontext-exp */
export interface FhirContextItem {
  readonly reference?: string;
  readonly canonical?: string;
  readonly identifier?: JsonObject;
  readonly type?: string;
  readonly role?: string;
}

export interface WantedLaunch {
  readonly context: LaunchContext;
  readonly clientId?: string;
  /** Login of who must sign in. */
  readonly user?: string;
}

const ID = /^[A-Za-z0-9.-]{1,64}$/;
const KNOWN = new Set([
  'patient',
  'encounter',
  'fhirContext',
  'intent',
  'need_patient_banner',
  'smart_style_url',
  'tenant',
  'client_id',
  'user',
]);

/** Reads the body of `POST /auth/launch`; all that is wrong with it at once. */
export function readLaunch(body: JsonValue): { wanted: WantedLaunch } | { problems: readonly string[] } {
  if (!isObject(body)) return { problems: ['The body must be a JSON object.'] };
  const problems: string[] = [];
  const text = (name: string, test: RegExp, what: string): string | undefined => {
    const value = body[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && test.test(value)) return value;
    problems.push(`${name} must be ${what}.`);
    return undefined;
  };
  for (const name of Object.keys(body)) if (!KNOWN.has(name)) problems.push(`${name} is not known here.`);
  const banner = body.need_patient_banner;
  if (banner !== undefined && typeof banner !== 'boolean')
    problems.push('need_patient_banner must be true or false.');
  const items = readItems(body.fhirContext, problems);
  const found = {
    patient: text('patient', ID, 'the id of a Patient'),
    encounter: text('encounter', ID, 'the id of an Encounter'),
    intent: text('intent', /^.{1,200}$/, 'a text of up to 200 characters'),
    smartStyleUrl: text('smart_style_url', /^https?:\/\/\S{1,2000}$/, 'an absolute URL'),
    tenant: text('tenant', /^\S{1,200}$/, 'a name of up to 200 characters'),
    needPatientBanner: typeof banner === 'boolean' ? banner : undefined,
    fhirContext: items,
  };
  const clientId = text('client_id', /^\S{1,200}$/, 'the id of a client');
  const user = text('user', /^.{1,128}$/, 'a login');
  if (problems.length > 0) return { problems };
  return {
    wanted: {
      context: present(found),
      ...(clientId === undefined ? {} : { clientId }),
      ...(user === undefined ? {} : { user }),
    },
  };
}

function readItems(value: JsonValue | undefined, problems: string[]): readonly FhirContextItem[] | undefined {
  if (value === undefined) return undefined;
  const items = Array.isArray(value) ? value : [];
  const sound = items.filter(isItem);
  if (!Array.isArray(value) || sound.length !== items.length || items.length > 50) {
    problems.push(
      'fhirContext must be a list of objects with one of reference (relative, as ImagingStudy/1), canonical, identifier, ' +
        'and perhaps type and role.',
    );
    return undefined;
  }
  return sound;
}

function isItem(value: JsonValue): value is JsonObject & FhirContextItem {
  if (!isObject(value)) return false;
  const named = ['reference', 'canonical', 'identifier'].filter((name) => value[name] !== undefined);
  if (named.length === 0) return false;
  if (
    Object.keys(value).some(
      (name) => !['reference', 'canonical', 'identifier', 'type', 'role'].includes(name),
    )
  )
    return false;
  if (value.identifier !== undefined && !isObject(value.identifier)) return false;
  const { reference } = value;
  if (
    reference !== undefined &&
    !(typeof reference === 'string' && /^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.test(reference))
  )
    return false;
  return ['canonical', 'type', 'role'].every(
    (name) => value[name] === undefined || typeof value[name] === 'string',
  );
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without what is not there. */
function present<T extends object>(value: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }; // what is left is defined
}

/** The context as it stands beside an access token. */
export function contextParameters(context: LaunchContext): JsonObject {
  const { patient, encounter, fhirContext, intent, needPatientBanner, smartStyleUrl, tenant } = context;
  return {
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(fhirContext === undefined ? {} : { fhirContext: fhirContext.map((item) => ({ ...item })) }),
    ...(intent === undefined ? {} : { intent }),
    ...(patient === undefined ? {} : { need_patient_banner: needPatientBanner ?? true }),
    ...(smartStyleUrl === undefined ? {} : { smart_style_url: smartStyleUrl }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
