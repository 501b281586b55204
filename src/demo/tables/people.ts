/**
 * Names, streets and towns of our own making, and who lives there: races, ethnicities, languages.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-race.html
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

export const FEMALE_NAMES: readonly string[] = (
  'Ada Alma Amina Anneke Beatriz Bronwen Camille Chiara Dalia Delphine Edith Elena Fatima Freya Gloria Greta Hana ' +
  'Ingrid Iris Jamila Josefina Kaya Keiko Lena Lucía Mai Marisol Nadia Noor Odette Olive Priya Quilla Renée Rosa ' +
  'Saoirse Sonja Tamsin Thandi Uma Vera Wanda Ximena Yara Zadie Zofia'
).split(' ');

export const MALE_NAMES: readonly string[] = (
  'Abel Adil Anton Arlo Bastian Björn Caspar Cyrus Dario Desmond Emil Esteban Felix Florian Gideon Goran Hassan Hugo ' +
  'Ignacio Isak Jonas Jorge Kofi Kwame Lars Leopold Malik Matteo Nikolai Nolan Omar Otis Pavel Quentin Rafael Rohan ' +
  'Søren Stellan Tariq Theo Ugo Viktor Wendell Xavier Yusuf Zoltan'
).split(' ');

export const FAMILY_NAMES: readonly string[] = (
  'Abernathy Achterberg Adeyemi Almasi Andrade Ashdown Baptiste Barrow Belmonte Birchwood Blackwater Bramley Calloway ' +
  'Castellan Chandra Coldwell Darrow Delacroix Dunmore Eastgate Ellery Espinosa Fairbairn Farouk Fenwick Foxley ' +
  'Galindo Garrick Glasgow Greenholt Hallworth Hartigan Heron Holloway Ibarra Inglewood Jansson Jessamy Kaminski ' +
  'Keating Kimura Kirkbride Lachlan Langstaff Leclair Lindqvist Macready Marchetti Mendoza Merriweather Nakagawa ' +
  "Netherfield Norwood Oakhurst Obi O'Malley Ortega Pemberton Petrov Quigley Quintero Rahimi Ravenel Rosenthal " +
  'Sandoval Sedgwick Shah Silverlake Stonebridge Tanaka Thackeray Thornbury Underhill Urquhart Valdez Vandermeer ' +
  'Wetherby Whitlock Winterbourne Wójcik Yardley Yilmaz Zamora Ziegler'
).split(' ');

export const STREETS: readonly string[] = [
  'Alder Street',
  'Beacon Road',
  'Canal Street',
  'Dogwood Lane',
  'Elm Court',
  'Ferry Landing',
  'Garden Avenue',
  'Harbor View',
  'Ironworks Road',
  'Juniper Way',
  'Lantern Hill',
  'Mill Pond Road',
  'Orchard Street',
  'Pilot Lane',
  'Quarry Road',
  'Sycamore Avenue',
];

export interface Town {
  readonly name: string;
  readonly state: string;
  /** First three digits of its postal codes. */
  readonly postal: string;
  /** Standard time, minutes ahead of UTC. */
  readonly zone: number;
}

/** No such towns exist; the states and their zones do. */
export const TOWNS: readonly Town[] = [
  { name: 'Alder Reach', state: 'MA', postal: '019', zone: -300 },
  { name: 'Brackwater', state: 'ME', postal: '049', zone: -300 },
  { name: 'Copper Narrows', state: 'MI', postal: '498', zone: -300 },
  { name: 'Dunlin Bay', state: 'WA', postal: '983', zone: -480 },
  { name: 'Eastmarch', state: 'OH', postal: '448', zone: -300 },
  { name: 'Fathom Springs', state: 'TX', postal: '786', zone: -360 },
  { name: 'Gullhaven', state: 'OR', postal: '974', zone: -480 },
  { name: 'Heronsford', state: 'IL', postal: '613', zone: -360 },
  { name: 'Islay Crossing', state: 'MN', postal: '561', zone: -360 },
  { name: 'Juniper Mesa', state: 'NM', postal: '875', zone: -420 },
  { name: 'Kestrel Point', state: 'CA', postal: '954', zone: -480 },
  { name: 'Lodestar', state: 'CO', postal: '813', zone: -420 },
];

export interface Heritage {
  readonly weight: number;
  readonly text: string;
  readonly code: string;
  /** A detailed race or ethnicity below the category. */
  readonly detail?: { readonly code: string; readonly display: string };
}

export const RACES: readonly Heritage[] = [
  { weight: 58, text: 'White', code: '2106-3' },
  { weight: 14, text: 'Black or African American', code: '2054-5' },
  { weight: 7, text: 'Asian', code: '2028-9', detail: { code: '2036-2', display: 'Filipino' } },
  {
    weight: 3,
    text: 'American Indian or Alaska Native',
    code: '1002-5',
    detail: { code: '1586-7', display: 'Shoshone' },
  },
  { weight: 1, text: 'Native Hawaiian or Other Pacific Islander', code: '2076-8' },
  { weight: 15, text: 'Other Race', code: '2131-1' },
];

export const ETHNICITIES: readonly Heritage[] = [
  {
    weight: 19,
    text: 'Hispanic or Latino',
    code: '2135-2',
    detail: { code: '2148-5', display: 'Mexican' },
  },
  { weight: 81, text: 'Not Hispanic or Latino', code: '2186-5' },
];

export const LANGUAGES: readonly { readonly weight: number; readonly language: JsonObject }[] = [
  { weight: 78, language: concept(SYSTEM.language, 'en', 'English') },
  { weight: 14, language: concept(SYSTEM.language, 'es', 'Spanish') },
  { weight: 3, language: concept(SYSTEM.language, 'zh', 'Chinese') },
  { weight: 3, language: concept(SYSTEM.language, 'fr', 'French') },
  { weight: 2, language: concept(SYSTEM.language, 'ar', 'Arabic') },
];

export const OCCUPATIONS: readonly string[] = [
  'Baker',
  'Bus driver',
  'Carpenter',
  'Electrician',
  'Farm worker',
  'Librarian',
  'Machinist',
  'Nurse',
  'Office clerk',
  'Retail salesperson',
  'Software developer',
  'Teacher',
];
