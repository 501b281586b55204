/**
 * What primitive types ask for, in words.
 * https://hl7.org/fhir/R4/datatypes.html#primitive
 */
import { ELEMENT_ID, REFERENCE_TEXT } from './type-schema.js';

const TEXT = 'text with more than white space, without control characters, of at most 1 MB';
const URI = 'a URI: not empty, without white space';

const REQUIREMENTS: Readonly<Record<string, string>> = {
  base64Binary: 'base64: groups of four letters, digits, "+" or "/", filled up with "="',
  boolean: 'true or false',
  canonical: `${URI}, if needed with "|" and a version behind it`,
  code: 'a code: not empty, no white space at its ends and none that is doubled',
  date: 'a date that exists: YYYY, YYYY-MM or YYYY-MM-DD',
  dateTime:
    'a date that exists (YYYY, YYYY-MM, YYYY-MM-DD), a time only with seconds and zone (…Thh:mm:ss+zz:zz)',
  decimal: 'a decimal number in the range of double precision',
  id: '1 to 64 letters, digits, "-" and "."',
  instant: 'a date that exists with time, seconds and zone: YYYY-MM-DDThh:mm:ss.sss+zz:zz',
  integer: 'a whole number between -2147483648 and 2147483647, written without fraction or exponent',
  markdown: TEXT,
  oid: 'an OID as URI: urn:oid:1.2.3',
  positiveInt: 'a whole number between 1 and 2147483647, written without fraction or exponent',
  string: TEXT,
  time: 'a time of day with seconds and without zone: hh:mm:ss',
  unsignedInt: 'a whole number between 0 and 2147483647, written without fraction or exponent',
  uri: URI,
  url: URI,
  uuid: 'a UUID as URI, in small letters: urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  [ELEMENT_ID]: 'an id within the resource, which has no white space',
  [REFERENCE_TEXT]: 'a reference, which has no white space: Type/id, an absolute URL, #id or urn:uuid:…',
};

export function primitiveRequirement(type: string): string {
  return REQUIREMENTS[type] ?? `a value of the type ${type}`;
}
