/**
 * The child of custom-parameter.test.ts: stores patients, defines a search parameter, and in the middle of indexing them
 * says so and stands still, to be killed.
 */
import { openWorld } from '../testing.js';

const [, , file = '', patients = '', walkStep = '', steps = ''] = process.argv;
let paces = 0;

const world = await openWorld(
  {},
  {
    file,
    walkStep: Number(walkStep),
    walkPace: async () => {
      paces += 1;
      // One pace at the opening finds nothing to do; the next starts the walk.
      if (paces <= Number(steps) + 2) return;
      process.send?.('in the middle');
      await new Promise(() => undefined);
    },
  },
);

for (let at = 0; at < Number(patients); at++) {
  const body = { resourceType: 'Patient', id: `p${at}`, name: [{ given: [`Bo ${at}`] }] };
  await world.ask(`PUT Patient/p${at}`, { body });
}
await world.ask('PUT SearchParameter/nick', {
  body: {
    resourceType: 'SearchParameter',
    id: 'nick',
    url: 'http://example.org/fhir/SearchParameter/nick',
    name: 'nick',
    status: 'active',
    description: 'Nickname',
    code: 'nick',
    base: ['Patient'],
    type: 'string',
    expression: 'Patient.name.given',
  },
});
process.on('disconnect', () => process.exit(0));
