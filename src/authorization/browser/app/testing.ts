/** For tests: a web app on a port of its own that uses fhirclient as its authors show it. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface WebApp {
  readonly origin: string;
  /** Begins a launch: `client`, `scope`, `iss` and where an EHR opens it `launch` are its parameters. */
  readonly launchUrl: string;
  /** Reads the answer; `client` is the fhirclient there. */
  readonly backUrl: string;
  /** Shows the page whose URL is `of` in a frame. */
  readonly frameUrl: string;
  stop(): Promise<void>;
}

const FHIR_CLIENT = readFileSync(fileURLToPath(import.meta.resolve('fhirclient/build/fhir-client.js')));
const PAGES: Readonly<Record<string, string>> = {
  '/launch': `<script src="/fhir-client.js"></script><script>
const asked = new URLSearchParams(location.search);
FHIR.oauth2.authorize({ clientId: asked.get('client'), scope: asked.get('scope'), redirectUri: '/back' })
  .catch((error) => { document.title = 'Failed: ' + error.message; });
</script>`,
  '/back': `<script src="/fhir-client.js"></script><script>
FHIR.oauth2.ready()
  .then((client) => { window.client = client; document.title = 'Ready'; })
  .catch((error) => { document.title = 'Failed: ' + error.message; });
</script>`,
  '/frame': `<iframe width="600" height="600"></iframe><script>
document.querySelector('iframe').src = new URLSearchParams(location.search).get('of');
</script>`,
  '/landed': '<p>Landed</p>',
};

export async function startWebApp(): Promise<WebApp> {
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const page = PAGES[path];
    if (path === '/fhir-client.js') response.setHeader('content-type', 'text/javascript').end(FHIR_CLIENT);
    else if (page === undefined) response.writeHead(404).end();
    else {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">${page}`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    launchUrl: `${origin}/launch`,
    backUrl: `${origin}/back`,
    frameUrl: `${origin}/frame`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
