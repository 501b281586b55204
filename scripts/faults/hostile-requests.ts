/**
 * Requests that nobody should send: broken HTTP, broken JSON, hostile parameters, paths, headers and bodies.
 * Each is the bytes for one connection, made from a seeded generator.
 */
import type { Random } from './random.js';

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'get',
  'G@T',
  '',
];
const USUAL = ['GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const TYPES = [
  'Patient',
  'Observation',
  'Bundle',
  'Basic',
  'Binary',
  'patient',
  'Patients',
  '__proto__',
  'constructor',
  'Ärzte',
];
const KNOWN = ['Patient', 'Observation', 'Encounter', 'Basic', 'Binary', 'Group'];
const BELOW = [
  '',
  '',
  '',
  '/1',
  '/1/_history',
  '/_search',
  '/_history',
  '/1/_history/1',
  '/1/Observation',
  '/1/*',
];
const SEGMENTS = [
  '..',
  '.',
  '%2e%2e',
  '%00',
  '%',
  '%zz',
  '%c0%af',
  '_history',
  '_search',
  '$everything',
  '$x',
  'metadata',
  '1',
  '*',
  'a'.repeat(65),
  '%F0%9F%92%A9',
  "'; DROP TABLE resource;--",
  '_history/0',
  '_history/-1',
  '_history/999999999999999999999',
];
const PARAMETERS = [
  '_id',
  '_lastUpdated',
  '_count',
  '_sort',
  '_total',
  '_include',
  '_revinclude',
  '_has:Observation:patient:code',
  '_summary',
  '_elements',
  '_format',
  '_pretty',
  '_cursor',
  '_type',
  'name',
  'name:exact',
  'name:contains',
  'name:bogus',
  'birthdate',
  'code',
  'code:in',
  'subject:Patient.name',
  'subject:Patient.organization.name',
  'value-quantity',
  'code-value-quantity',
  'identifier',
  'general-practitioner',
  'a.b.c.d.e.f.g.h',
  ':',
  '.',
  '_has:',
  '_has:::',
  '__proto__',
  'constructor',
  'near',
  '_filter',
  '_text',
  '_list',
  '_query',
  'date:missing',
  '-date',
];
const VALUES = [
  '',
  '%',
  '%00',
  ',',
  ',,,,',
  '|',
  '|||',
  '\\',
  '\\\\,',
  '$',
  'ge',
  'ge2020',
  'gt2020-13-45',
  'xx2020',
  '9'.repeat(400),
  '1e999',
  '-1',
  '0',
  'NaN',
  '%22%3E%3Cscript%3E',
  "' OR 1=1 --",
  'a'.repeat(5000),
  '%F0%9F%92%A9',
  '%ED%A0%80',
  'true',
  'Patient/1',
  'http://[',
  'urn:uuid:',
  '1|2|3|4',
  '5.4|http://unitsofmeasure.org|mg',
  '8867-4$gt5',
  '2020-02-30',
  '*',
  'Patient:*',
  'Observation:subject:Patient',
  'x,'.repeat(800),
];
const BODIES = [
  '',
  '{',
  '}',
  '[]',
  'null',
  '"x"',
  '1',
  '{}',
  '{"resourceType":1}',
  '{"resourceType":"Patient"',
  '{"resourceType":"Patient",}',
  '{"resourceType":"Nothing"}',
  '{"resourceType":"Patient","__proto__":{"x":1}}',
  '{"resourceType":"Patient","name":"x"}',
  '{"resourceType":"Patient","name":[{"given":[null,[]]}]}',
  '{"resourceType":"Patient","birthDate":"2020-02-31"}',
  '{"resourceType":"Patient","id":"../../etc"}',
  '{"resourceType":"Patient","meta":[]}',
  '{"resourceType":"Patient","meta":{"tag":{}}}',
  '{"resourceType":"Patient","multipleBirthInteger":1e400}',
  '{"resourceType":"Patient","contained":[{"resourceType":"Patient","contained":[]}]}',
  '{"resourceType":"Patient","text":{"status":"generated","div":"<div><script>x</script></div>"}}',
  '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":"x"}}',
  '{"resourceType":"Bundle","type":"transaction"}',
  '{"resourceType":"Bundle","type":"transaction","entry":{}}',
  '{"resourceType":"Bundle","type":"transaction","entry":[null]}',
  '{"resourceType":"Bundle","type":"transaction","entry":[{}]}',
  '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"http://[::"}}]}',
  '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"$x"},"resource":{"resourceType":"Patient"}}]}',
  '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"?%%%"}}]}',
  '{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:x","request":{"method":"PUT","url":"Patient?identifier="},"resource":{"resourceType":"Patient"}}]}',
  '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PATCH","url":"Patient/1"},"resource":{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="}}]}',
  '[{"op":"add","path":"/__proto__/x","value":1}]',
  '[{"op":"copy","from":"","path":"/name"}]',
  '[{"op":"test"}]',
  '[null]',
  '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.("}]}]}',
  `${'['.repeat(50_000)}`,
  `{"resourceType":"Patient","extension":[${'{"url":"x","extension":['.repeat(300)}`,
  '{"resourceType":"Patient","active":true,"active":false}',
  '\u{feff}{"resourceType":"Patient"}',
  '{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
];
const HEADERS = [
  'Content-Type',
  'Accept',
  'If-Match',
  'If-None-Match',
  'If-None-Exist',
  'If-Modified-Since',
  'Prefer',
  'Content-Encoding',
  'Accept-Encoding',
  'Origin',
  'X-Request-Id',
  'Range',
  'Expect',
  'Authorization',
  'X-Forwarded-Host',
  '__proto__',
];
const HEADER_VALUES = [
  'application/fhir+json',
  'application/json-patch+json',
  'application/fhir+xml',
  'text/html;q=x',
  '*/*;q=-1',
  'W/"1"',
  '"',
  'W/',
  '*',
  'gzip',
  'br',
  'x-nothing',
  'identity;q=0',
  'return=minimal',
  'return=;;;',
  'handling=lenient',
  'respond-async',
  'yesterday',
  'Wed, 99 Foo 2020',
  'identifier=x|y',
  '_id=1&_count=x',
  '?',
  'x'.repeat(2000),
  '\u00ff\u00fe',
  'bytes=0-1',
  '100-continue',
  'Bearer x',
];
const BROKEN = [
  'GET\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  '\0\0\0\0\r\n\r\n',
  'GET /fhir/Patient HTTP/1.1\r\n\r\n',
  'GET /fhir HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
  'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n',
  'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
  'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n',
  `GET /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(70_000)}\r\n\r\n`,
  'GET http://evil.example/fhir/Patient HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'GET /fhir/Patient HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'GET //fhir//Patient HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

/** Half of the requests are nearly right: they get past the door, and one thing in them is hostile. */
function path(random: Random): string {
  if (random.chance(0.5)) return `/fhir/${random.pick(KNOWN)}${random.pick(BELOW)}`;
  const segments = Array.from({ length: random.below(4) }, () =>
    random.pick(random.chance(0.5) ? TYPES : SEGMENTS),
  );
  return `/fhir/${segments.join('/')}`.replaceAll(' ', '%20');
}

function query(random: Random): string {
  const pairs = Array.from(
    { length: random.below(4) },
    () => `${random.pick(PARAMETERS)}=${random.pick(VALUES)}`,
  );
  return pairs.length === 0
    ? ''
    : `?${pairs.join(random.pick(['&', '&', '&&', ';']))}`.replaceAll(' ', '%20');
}

/** A body that is one of ours, or one with a few characters replaced, dropped or doubled. */
function body(random: Random): string {
  const text = random.pick(BODIES);
  if (text === '' || random.chance(0.5)) return text;
  const at = random.below(text.length);
  return (
    text.slice(0, at) +
    random.pick(['', '"', '{', '}', '[', ',', ':', '\\', '\0', 'é', text.slice(at, at + 20)]) +
    text.slice(at + random.below(3))
  );
}

/** The bytes of one hostile request; `host` is the server's own. */
export function hostileRequest(random: Random, host: string): Buffer {
  if (random.chance(0.1)) return Buffer.from(random.pick(BROKEN), 'latin1');
  const payload = Buffer.from(body(random));
  const headers = Array.from(
    { length: random.below(4) },
    () => `${random.pick(HEADERS)}: ${random.pick(HEADER_VALUES)}`,
  );
  const head = [
    `${random.pick(random.chance(0.7) ? USUAL : METHODS)} ${path(random)}${query(random)} HTTP/1.1`,
    `Host: ${host}`,
    ...(random.chance(0.6) ? ['Content-Type: application/fhir+json'] : []),
    `Content-Length: ${payload.length}`,
    'Connection: close',
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), payload]);
}
