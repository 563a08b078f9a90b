// An authorization server: `oidc-provider`, certified by the OpenID Foundation, as its documentation sets it up.
//
// Started as `node oidc_provider.mjs OPTIONS`, where the options are JSON: `scopes`, those of every resource; `lifetime`
// of an access token in seconds; `rotates`, whether a refresh brings another refresh token. It says {"url": ISSUER} on
// standard output. `PUT /user` with {"withholds": [SCOPE...], "refuses": BOOLEAN} says what its user decides the next time;
// `DELETE /user` takes back all that the user ever consented to.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { Provider } from 'oidc-provider';

process.stdin.resume().on('end', () => process.exit());
const options = JSON.parse(process.argv[2]);
const consents = { withholds: [], refuses: false };
let user = consents;
const grants = [];

const http = createServer();
http.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${http.address().port}`;
  const provider = new Provider(issuer, {
    clients: [],
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: options.scopes.join(' '),
          audience: resource,
          accessTokenTTL: options.lifetime,
          accessTokenFormat: 'jwt',
        }),
      },
    },
    rotateRefreshToken: options.rotates,
  });

  async function consent({ params, session }) {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const asked = (params.scope ?? '').split(' ');
    grant.addOIDCScope(asked.filter((scope) => !user.withholds.includes(scope)).join(' '));
    for (const scope of asked) {
      if (user.withholds.includes(scope)) grant.rejectResourceScope(params.resource, scope);
      else grant.addResourceScope(params.resource, scope);
    }
    const grantId = await grant.save();
    grants.push(grantId);
    user = consents;
    return { consent: { grantId } };
  }

  async function decide(details) {
    if (details.prompt.name === 'login') return { login: { accountId: 'user' } };
    if (!user.refuses) return consent(details);
    user = consents;
    return { error: 'access_denied' };
  }

  http.on('request', async (request, response) => {
    if (request.url === '/user') {
      if (request.method === 'PUT') user = await json(request);
      for (const id of request.method === 'DELETE' ? grants.splice(0) : []) await (await provider.Grant.find(id)).destroy();
      response.end();
    } else if (request.url.startsWith('/interaction/')) {
      const details = await provider.interactionDetails(request, response);
      await provider.interactionFinished(request, response, await decide(details));
    } else {
      provider.callback()(request, response);
    }
  });
  console.log(JSON.stringify({ url: issuer }));
});
