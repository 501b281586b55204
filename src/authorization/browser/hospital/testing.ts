/** For tests: a hospital with patients, a clinician, a mother of two, an app and an EHR. */
import { expect } from 'vitest';
import { addBackend, keyPair, type SmartServer, startSmartServer, tokenFor } from '../../testing.js';
import type { WebApp } from '../app/testing.js';

export interface Hospital {
  readonly server: SmartServer;
  /** The client id of the web app, which may ask for everything. */
  readonly client: string;
  /** What an EHR opens an app with. */
  launch(wanted: object): Promise<string>;
  stop(): Promise<void>;
}

export const PASSWORD = 'correct horse';
const EVERYTHING =
  'launch launch/patient launch/encounter openid fhirUser offline_access online_access patient/*.cruds user/*.cruds';

export async function openHospital(app: WebApp): Promise<Hospital> {
  // A button that leads to the hospital's own sign-in is on the page too; nothing is fetched until it is pressed.
  const upstream = { upstreamIssuer: 'https://signin.example.org', upstreamClientId: 'fairway' };
  const server = await startSmartServer({ ...upstream, upstreamLabel: 'St. Elsewhere account' });
  const { clients, users } = server.authorization;
  const { client } = await clients.add(
    {
      name: 'Growth Chart',
      type: 'public',
      scope: EVERYTHING,
      jwks: undefined,
      jwksUrl: undefined,
      redirectUris: [app.backUrl, `${app.origin}/landed`],
    },
    'active',
  );
  const common = { password: PASSWORD, roles: [], patients: [] };
  await users.add({ ...common, login: 'ada', fhirUser: 'Patient/ada' });
  await users.add({ ...common, login: 'mum', fhirUser: 'RelatedPerson/mum', patients: ['ada', 'ben'] });
  await users.add({ ...common, login: 'grey', fhirUser: 'Practitioner/grey' });
  const keys = await keyPair();
  const ehr = await addBackend(server, keys, 'launch system/*.cruds');
  const token = (): Promise<string> => tokenFor(server, ehr, keys, 'system/*.cruds');
  await fill(server, await token());
  return {
    server,
    client: client.id,
    launch: async (wanted) => {
      const answer = await fetch(`${server.url}/auth/launch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await token()}` },
        body: JSON.stringify(wanted),
      });
      const { launch } = (await answer.json()) as { launch: string }; // what it answers with 201
      return launch;
    },
    stop: () => server.stop(),
  };
}

async function fill({ fhirBase }: SmartServer, token: string): Promise<void> {
  const people = [
    ['ada', 'Lovelace', 'Ada', '2015-12-10', 'female'],
    ['ben', 'Lovelace', 'Ben', '2018-05-12', 'male'],
    ['eve', 'Other', 'Eve', '1990-01-01', 'female'],
  ] as const;
  const entry = [
    ...people.map(([id, family, given, birthDate, gender]) =>
      resource('Patient', id, {
        identifier: [{ system: 'urn:example:mrn', value: `MRN-${id.length}0${family.length}7` }],
        name: [{ family, given: [given] }],
        birthDate,
        gender,
      }),
    ),
    resource('Practitioner', 'grey', { name: [{ family: 'Grey' }] }),
    resource('RelatedPerson', 'mum', { patient: { reference: 'Patient/ada' } }),
    ...[
      ['visit', 'Check-up at nine years', '2025-03-02', 'finished'],
      ['vaccination', 'Vaccination', '2024-10-18', 'finished'],
    ].map(([id = '', text, start, status]) =>
      resource('Encounter', id, {
        status,
        class: { code: 'AMB', display: 'ambulatory' },
        type: [{ text }],
        period: { start },
        subject: { reference: 'Patient/ada' },
      }),
    ),
    ...people.map(([id]) =>
      resource('Observation', `of-${id}`, {
        status: 'final',
        code: { text: 'Body height' },
        subject: { reference: `Patient/${id}` },
      }),
    ),
  ];
  const answer = await fetch(fhirBase, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

function resource(type: string, id: string, rest: object): object {
  return { resource: { resourceType: type, id, ...rest }, request: { method: 'PUT', url: `${type}/${id}` } };
}
